/// What interpreted programs can reach: their stack, the packet and context of a run, and what their caller
/// gives them for as long as this value lives: values of maps, records, constants. Every access by an address is checked.
@safe package struct ProgramMemory: ~Copyable {
  /// As many functions as the kernel lets call each other (MAX_CALL_FRAMES), with this much stack each (MAX_BPF_STACK).
  package static let frameCount = 8
  static let frameByteCount = 512
  /// What programs have in r1.
  static let contextAddress = ProgramAddress(region: KnownRegion.context).rawValue

  /// Bytes that belong together.
  @safe private struct Region {
    var base: UnsafeMutableRawPointer
    var readable: UInt64
    var writable: UInt64
  }

  private var regions: UnsafeMutablePointer<Region>
  private var regionCount: Int
  private var regionCapacity: Int
  /// The numbers of regions that were closed.
  private var free: [Int] = []
  private var areas: [UnsafeMutableRawBufferPointer]
  private let stack: UnsafeMutableRawPointer
  let registers = Registers.allocate()
  /// Of the run that goes on, or of the last one.
  package internal(set) var context = PacketContext.none

  package init() {
    unsafe areas = []
    let stackByteCount = Self.frameCount * Self.frameByteCount
    unsafe stack = .allocate(byteCount: stackByteCount, alignment: 16)
    unsafe stack.initializeMemory(as: UInt8.self, repeating: 0, count: stackByteCount)
    regionCapacity = 32
    regionCount = KnownRegion.other
    unsafe regions = .allocate(capacity: regionCapacity)
    unsafe regions.initialize(repeating: Region(base: stack, readable: 0, writable: 0), count: regionCapacity)
    for depth in 0..<Self.frameCount {
      unsafe regions[KnownRegion.stack + depth] = Region(
        base: stack + depth * Self.frameByteCount, readable: UInt64(Self.frameByteCount),
        writable: UInt64(Self.frameByteCount))
    }
  }

  deinit {
    for index in unsafe areas.indices { unsafe areas[index].deallocate() }
    unsafe regions.deallocate()
    registers.deallocate()
    unsafe stack.deallocate()
  }
}

// What the caller gives.
extension ProgramMemory {
  /// Room for as long as this value lives.
  /// - Parameter contents: what it begins with; zeros follow.
  package mutating func allocate(
    byteCount: Int, contents: [UInt8] = [], isWritable: Bool = true
  ) throws(RegionTooLargeError) -> ProgramAddress {
    guard byteCount >= 0, byteCount <= Int(Int32.max) else { throw RegionTooLargeError(byteCount: byteCount) }
    let area = UnsafeMutableRawBufferPointer.allocate(byteCount: max(byteCount, 1), alignment: 16)
    unsafe area.initializeMemory(as: UInt8.self, repeating: 0)
    unsafe area.copyBytes(from: contents.prefix(byteCount))
    unsafe areas.append(area)
    return unsafe add(
      Region(base: area.baseAddress!, readable: UInt64(byteCount), writable: isWritable ? UInt64(byteCount) : 0))
  }

  /// An address that nothing can be loaded from: what programs have of a map.
  package mutating func handle() -> ProgramAddress {
    unsafe add(Region(base: stack, readable: 0, writable: 0))
  }

  /// A region of its own for a part of one that is there, so that programs cannot leave that part.
  package mutating func open(_ address: ProgramAddress, byteCount: Int) throws(BadAccess) -> ProgramAddress {
    let base = unsafe try place(address, byteCount, .store)
    return unsafe add(Region(base: base, readable: UInt64(byteCount), writable: UInt64(byteCount)))
  }

  /// Ends a region that `open` made: accesses by its address are refused from now on, until the number is used again.
  package mutating func close(_ address: ProgramAddress) {
    guard address.region >= KnownRegion.other, address.region < regionCount else { return }
    unsafe regions[address.region] = Region(base: stack, readable: 0, writable: 0)
    free.append(address.region)
  }

  private mutating func add(_ region: Region) -> ProgramAddress {
    if let number = free.popLast() {
      unsafe regions[number] = region
      return ProgramAddress(region: number)
    }
    if regionCount == regionCapacity {
      let larger = UnsafeMutablePointer<Region>.allocate(capacity: regionCapacity * 2)
      unsafe larger.initialize(repeating: Region(base: stack, readable: 0, writable: 0), count: regionCapacity * 2)
      unsafe larger.update(from: regions, count: regionCount)
      unsafe regions.deallocate()
      unsafe regions = larger
      regionCapacity *= 2
    }
    unsafe regions[regionCount] = region
    regionCount += 1
    return ProgramAddress(region: regionCount - 1)
  }
}

// What helpers and callers do by addresses.
extension ProgramMemory {
  package func read<Number: FixedWidthInteger & BitwiseCopyable>(
    _ type: Number.Type, at address: ProgramAddress
  ) throws(BadAccess) -> Number {
    unsafe try place(address, MemoryLayout<Number>.size, .load).loadUnaligned(as: type)
  }

  package mutating func write<Number: FixedWidthInteger & BitwiseCopyable>(
    _ number: Number, at address: ProgramAddress
  ) throws(BadAccess) {
    unsafe try place(address, MemoryLayout<Number>.size, .store).storeBytes(of: number, as: Number.self)
  }

  /// The parts may overlap.
  package mutating func copy(
    from source: ProgramAddress, to target: ProgramAddress, byteCount: Int
  ) throws(BadAccess) {
    let from = unsafe try place(source, byteCount, .load)
    unsafe try place(target, byteCount, .store).copyMemory(from: from, byteCount: byteCount)
  }

  /// Sets bytes to zero.
  package mutating func clear(_ address: ProgramAddress, byteCount: Int) throws(BadAccess) {
    unsafe try place(address, byteCount, .store).initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
  }

  /// Shows bytes where they are, for as long as the call goes on.
  package func withBytes<Result>(
    at address: ProgramAddress, count: Int, _ body: (RawSpan) -> Result
  ) throws(BadAccess) -> Result {
    let start = unsafe try place(address, count, .load)
    return unsafe body(RawSpan(_unsafeStart: start, byteCount: count))
  }

  /// Where the packet of the run begins, as the program sees it.
  package var packet: ProgramAddress { ProgramAddress(region: KnownRegion.packet) }
  package var packetByteCount: Int { unsafe Int(regions[KnownRegion.packet].readable) }

  private func place(
    _ address: ProgramAddress, _ byteCount: Int, _ kind: BadAccess.Kind
  ) throws(BadAccess) -> UnsafeMutableRawPointer {
    if byteCount >= 0, kind == .load, let place = unsafe readable(address.rawValue, UInt64(byteCount)) {
      return unsafe place
    }
    if byteCount >= 0, kind == .store, let place = unsafe writable(address.rawValue, UInt64(byteCount)) {
      return unsafe place
    }
    throw refusal(kind, address, byteCount)
  }

  func refusal(_ kind: BadAccess.Kind, _ address: ProgramAddress, _ size: Int) -> BadAccess {
    let reason: BadAccess.Reason
    let region = address.nearest.region
    if region == KnownRegion.context {
      reason = .noMember
    } else if region == 0 || region >= regionCount {
      reason = .noRegion
    } else if kind == .store, unsafe readable(address.rawValue, UInt64(clamping: size)) != nil {
      reason = .readOnly(BadAccess.Place(region))
    } else {
      reason = unsafe .outside(of: BadAccess.Place(region), byteCount: Int(regions[region].readable))
    }
    return BadAccess(kind: kind, address: address, size: size, reason: reason)
  }
}

// What the interpreter does in every step.
extension ProgramMemory {
  @inline(__always)
  func readable(_ address: UInt64, _ byteCount: UInt64) -> UnsafeMutableRawPointer? {
    let number = Int(truncatingIfNeeded: address >> 32)
    let offset = UInt64(UInt32(truncatingIfNeeded: address))
    guard number < regionCount, unsafe offset &+ byteCount <= regions[number].readable else { return nil }
    return unsafe regions[number].base + Int(truncatingIfNeeded: offset)
  }

  @inline(__always)
  func writable(_ address: UInt64, _ byteCount: UInt64) -> UnsafeMutableRawPointer? {
    let number = Int(truncatingIfNeeded: address >> 32)
    let offset = UInt64(UInt32(truncatingIfNeeded: address))
    guard number < regionCount, unsafe offset &+ byteCount <= regions[number].writable else { return nil }
    return unsafe regions[number].base + Int(truncatingIfNeeded: offset)
  }

  /// Gives a function an empty stack frame. Returns what r10 becomes: its end.
  @inline(__always)
  func enterFrame(_ depth: Int) -> UInt64 {
    let frame = unsafe stack + depth * Self.frameByteCount
    unsafe frame.initializeMemory(as: UInt64.self, repeating: 0, count: Self.frameByteCount / 8)
    return frameEnd(depth)
  }

  @inline(__always)
  func frameEnd(_ depth: Int) -> UInt64 {
    ProgramAddress(region: KnownRegion.stack + depth, offset: UInt32(Self.frameByteCount)).rawValue
  }

  /// Lends the packet to programs, until `forgetPacket`.
  mutating func setPacket(_ packet: UnsafeRawBufferPointer, isWritable: Bool) {
    let count = UInt64(min(packet.count, Int(Int32.max)))
    guard let base = packet.baseAddress else { return forgetPacket() }
    unsafe regions[KnownRegion.packet] = Region(
      base: UnsafeMutableRawPointer(mutating: base), readable: count, writable: isWritable ? count : 0)
  }

  mutating func forgetPacket() {
    unsafe regions[KnownRegion.packet] = Region(base: stack, readable: 0, writable: 0)
  }
}
