/// The helpers that programs for packets use, with array maps and ring buffers, for one CPU.
///
/// Any other helper is refused. Who needs more conforms to ``HelperCalls`` and leaves the rest to this. All addresses are
/// of one ``ProgramMemory``, which every call has to be given.
package struct PacketHelpers: HelperCalls, Sendable {
  /// What `bpf_ktime_get_ns` answers, in nanoseconds.
  package var time: UInt64 = 0
  package var processor: UInt32 = 0
  private var arrays: [ArrayMap] = []
  private var rings: [RecordRing] = []

  package init() {}

  private struct ArrayMap {
    let handle: ProgramAddress
    let values: ProgramAddress
    let valueByteCount: Int
    let entryCount: Int
  }

  /// An array, or one per CPU.
  /// - Parameter contents: what the values begin with, one behind the other, each padded to 8 bytes.
  package mutating func addArray(
    valueByteCount: Int, entryCount: Int, contents: [UInt8] = [], in memory: inout ProgramMemory
  ) throws(RegionTooLargeError) -> InterpretedMap {
    let limit = Int(Int32.max)
    guard 1...limit ~= valueByteCount, 1...limit ~= entryCount else {
      throw RegionTooLargeError(byteCount: max(valueByteCount, entryCount))
    }
    let padded = (valueByteCount + 7) & ~7
    let array = ArrayMap(
      handle: memory.handle(), values: try memory.allocate(byteCount: padded * entryCount, contents: contents),
      valueByteCount: padded, entryCount: entryCount)
    arrays.append(array)
    return InterpretedMap(handle: array.handle, values: array.values)
  }

  /// - Parameter byteCount: room for records and 8 bytes for each; at most 512 MiB.
  package mutating func addRing(byteCount: Int, in memory: inout ProgramMemory) throws(RegionTooLargeError)
    -> InterpretedMap
  {
    let ring = try RecordRing(byteCount: byteCount, in: &memory)
    rings.append(ring)
    return InterpretedMap(handle: ring.handle, values: nil)
  }

  /// Hands over the records that programs have submitted to a ring, in the order of their reservation, and makes room.
  package mutating func drain(
    _ ring: InterpretedMap, in memory: borrowing ProgramMemory, _ body: (RawSpan) -> Void
  ) throws(BadAccess) {
    guard let index = self.ring(ring.handle.rawValue) else { return }
    try rings[index].drain(in: memory, body)
  }

  package mutating func call(
    _ number: Int32, _ arguments: HelperArguments, memory: inout ProgramMemory
  ) throws(HelperError) -> UInt64 {
    guard let function = Function(rawValue: number) else { throw .unknown }
    let answer: UInt64?
    do throws(BadAccess) { answer = try call(function, arguments, memory: &memory) } catch { throw .badAccess(error) }
    guard let answer else { throw .badArgument(1) }
    return answer
  }

  /// `enum bpf_func_id`, include/uapi/linux/bpf.h.
  private enum Function: Int32 {
    case mapLookupElement = 1
    case ktime = 5
    case processor = 8
    case socketBufferLoadBytes = 26
    case ringOutput = 130
    case ringReserve, ringSubmit, ringDiscard, ringQuery
    case xdpFrameLength = 188
    case xdpLoadBytes
  }

  /// - Returns: `nil` where the first argument is not what the helper takes.
  private mutating func call(
    _ function: Function, _ arguments: HelperArguments, memory: inout ProgramMemory
  ) throws(BadAccess) -> UInt64? {
    switch function {
    case .mapLookupElement:
      guard let array = arrays.first(where: { $0.handle.rawValue == arguments.first }) else { return nil }
      let key = try memory.read(UInt32.self, at: ProgramAddress(rawValue: arguments.second))
      return key < array.entryCount ? array.values.advanced(by: Int(key) * array.valueByteCount).rawValue : 0
    case .ktime: return time
    case .processor: return UInt64(processor)
    case .ringOutput:
      guard let ring = ring(arguments.first) else { return nil }
      return try rings[ring].output(
        ProgramAddress(rawValue: arguments.second), byteCount: arguments.third, in: &memory)
    case .ringReserve:
      guard let ring = ring(arguments.first) else { return nil }
      return try rings[ring].reserve(byteCount: arguments.second, flags: arguments.third, in: &memory)
    case .ringSubmit, .ringDiscard:
      let record = ProgramAddress(rawValue: arguments.first)
      for ring in rings.indices {
        if try rings[ring].finish(record, isDiscarded: function == .ringDiscard, in: &memory) { return 0 }
      }
      return nil
    case .ringQuery: return ring(arguments.first).map { rings[$0].answer(to: arguments.second) }
    case .xdpFrameLength:
      guard arguments.first == ProgramMemory.contextAddress, case .xdp(let context) = memory.context else { return nil }
      return UInt64(clamping: context.frameByteCount ?? memory.packetByteCount)
    case .xdpLoadBytes:
      guard arguments.first == ProgramMemory.contextAddress, case .xdp = memory.context else { return nil }
      let isCopied = try copy(arguments, from: 0, memory: &memory)
      return isCopied ? 0 : UInt64(bitPattern: -22)  // EINVAL
    case .socketBufferLoadBytes:
      guard arguments.first == ProgramMemory.contextAddress, case .socketBuffer(let buffer) = memory.context else {
        return nil
      }
      if try copy(arguments, from: buffer.dataOffset, memory: &memory) { return 0 }
      try memory.clear(ProgramAddress(rawValue: arguments.third), byteCount: Int(clamping: arguments.fourth))
      return UInt64(bitPattern: -14)  // EFAULT
    }
  }

  private func ring(_ handle: UInt64) -> Int? { rings.firstIndex { $0.handle.rawValue == handle } }

  /// - Returns: false where the packet does not have the bytes.
  private func copy(
    _ arguments: HelperArguments, from start: Int, memory: inout ProgramMemory
  ) throws(BadAccess) -> Bool {
    // The helpers take numbers of 32 bits.
    let offset = Int(UInt32(truncatingIfNeeded: arguments.second))
    let byteCount = Int(UInt32(truncatingIfNeeded: arguments.fourth))
    guard offset + byteCount <= memory.packetByteCount - start else { return false }
    try memory.copy(
      from: memory.packet.advanced(by: start + offset), to: ProgramAddress(rawValue: arguments.third),
      byteCount: byteCount)
    return true
  }
}
