// Accesses of instructions; `next` is the index behind theirs.
extension ProgramMemory {
  @inline(__always)
  func load<Number: FixedWidthInteger & UnsignedInteger & BitwiseCopyable>(
    _ type: Number.Type, _ address: UInt64, by next: Int
  ) throws(InterpreterError) -> UInt64 {
    if let place = unsafe readable(address, UInt64(MemoryLayout<Number>.size)) {
      return unsafe UInt64(truncatingIfNeeded: place.loadUnaligned(as: type))
    }
    return try loadMember(ProgramAddress(rawValue: address), MemoryLayout<Number>.size, by: next)
  }

  @inline(__always)
  mutating func store<Number: FixedWidthInteger & UnsignedInteger & BitwiseCopyable>(
    _ number: Number, _ address: UInt64, by next: Int
  ) throws(InterpreterError) {
    if let place = unsafe writable(address, UInt64(MemoryLayout<Number>.size)) {
      unsafe place.storeBytes(of: number, as: Number.self)
    } else {
      try storeMember(
        UInt64(truncatingIfNeeded: number), ProgramAddress(rawValue: address), MemoryLayout<Number>.size, by: next)
    }
  }

  /// What lies in no memory is a member of the context, or nothing.
  @inline(never)
  private func loadMember(_ address: ProgramAddress, _ size: Int, by next: Int) throws(InterpreterError) -> UInt64 {
    if address.region == KnownRegion.context,
      let value = context.load(offset: address.offset, size: size, packetByteCount: packetByteCount)
    {
      return value
    }
    throw InterpreterError(instruction: next - 1, cause: .badAccess(refusal(.load, address, size)))
  }

  @inline(never)
  private mutating func storeMember(
    _ value: UInt64, _ address: ProgramAddress, _ size: Int, by next: Int
  ) throws(InterpreterError) {
    if address.region == KnownRegion.context, context.store(value, offset: address.offset, size: size) { return }
    throw InterpreterError(instruction: next - 1, cause: .badAccess(refusal(.store, address, size)))
  }

  /// Atomic operations. There is nobody else, so nothing has to be atomic.
  mutating func exchange<Number: FixedWidthInteger & UnsignedInteger & BitwiseCopyable>(
    _ type: Number.Type, _ operation: Operation, _ operand: UInt64, by next: Int
  ) throws(InterpreterError) {
    let address = registers[operation.destination] &+ UInt64(bitPattern: Int64(operation.target))
    let size = MemoryLayout<Number>.size
    guard let place = unsafe writable(address, UInt64(size)) else {
      let refusal = refusal(.store, ProgramAddress(rawValue: address), size)
      throw InterpreterError(instruction: next - 1, cause: .badAccess(refusal))
    }
    let old = unsafe place.loadUnaligned(as: type)
    let new = Self.result(
      of: operation.variant, old, Number(truncatingIfNeeded: operand),
      expected: Number(truncatingIfNeeded: registers[0]))
    unsafe place.storeBytes(of: new, as: type)
    guard operation.variant & 1 != 0 else { return }
    registers[operation.variant == 0xf1 ? 0 : operation.source] = UInt64(old)
  }

  /// What an atomic operation leaves in memory; the variant tells which it is.
  private static func result<Number: FixedWidthInteger>(
    of variant: UInt8, _ old: Number, _ operand: Number, expected: Number
  ) -> Number {
    switch variant & ~1 {
    case 0x00: old &+ operand
    case 0x40: old | operand
    case 0x50: old & operand
    case 0xa0: old ^ operand
    // Exchange; and exchange if it is what is expected.
    case 0xe0: operand
    default: old == expected ? operand : old
    }
  }

  /// `skb[...]`: a number in network order, from the data on; from the network header or the link layer's on for the negative
  /// offsets that stand for these (SKF_NET_OFF, SKF_LL_OFF).
  /// - Returns: false where it is not in the packet. r0 is 0 then, and the function has to be left.
  mutating func loadPacket<Number: FixedWidthInteger & UnsignedInteger & BitwiseCopyable>(
    _ type: Number.Type, _ index: Int32, by next: Int
  ) throws(InterpreterError) -> Bool {
    guard case .socketBuffer(let buffer) = context else {
      throw InterpreterError(instruction: next - 1, cause: .noSocketBuffer)
    }
    let offset = Int(index)
    let start =
      switch offset {
      case 0...: buffer.dataOffset + offset
      case (-0x10_0000)...: buffer.networkOffset + offset + 0x10_0000
      case (-0x20_0000)...: offset + 0x20_0000
      default: -1
      }
    guard start >= 0, let address = UInt32(exactly: start),
      let place = unsafe readable(
        ProgramAddress(region: KnownRegion.packet, offset: address).rawValue, UInt64(MemoryLayout<Number>.size))
    else {
      registers[0] = 0
      return false
    }
    registers[0] = unsafe UInt64(Number(bigEndian: place.loadUnaligned(as: type)))
    return true
  }
}
