import LinuxCalls

/// A perf event and its ring for each CPU that runs, put into a BPF_MAP_TYPE_PERF_EVENT_ARRAY map at the CPU's number.
/// They are taken out of the map again when the value ends.
struct PerfRings: ~Copyable {
  let rings: [PerfRing]
  /// Theirs.
  /// Of `rings`, kept so that nothing is allocated when they are drained.
  private let pages: [PerfPages]
  /// For the records that wrap around, of whatever ring.
  private var scratch: [UInt8]
  private let map: FileDescriptor

  /// - Parameters:
  ///   - map: of programs that write with `bpf_perf_event_output`.
  ///   - entryCount: the map's `max_entries`; CPUs with higher numbers are left out.
  ///   - byteCount: of one ring.
  init(
    adopting map: consuming FileDescriptor, entryCount: Int, byteCount: Int, _ attributes: PerfEvent.Attributes
  ) throws(SystemCallError) {
    guard byteCount > 0, byteCount & (byteCount - 1) == 0, byteCount % pageSize == 0 else {
      throw SystemCallError(call: "mmap of a perf ring of \(byteCount) bytes", errno: .invalidArgument)
    }
    var attributes = attributes
    attributes.config = PerfEvent.Attributes.bpfOutput
    attributes.sampleType = PerfEvent.Attributes.rawSample
    attributes.period = 1
    var rings: [PerfRing] = []
    for cpu in try onlineCPUs() where Int(cpu) < entryCount {
      do { rings.append(try PerfRing(attributes, cpu: Int(cpu), byteCount: byteCount)) } catch {
        // It was switched off just now.
        guard error.errno == .noSuchDevice else { throw error }
      }
    }
    for (index, ring) in rings.enumerated() {
      do {
        try unsafe BPF.update(
          map, key: [UInt32(ring.cpu)].span.bytes, value: [ring.event.descriptor.number].span.bytes)
      } catch {
        Self.remove(rings[..<index], from: map)
        throw error
      }
    }
    self.rings = rings
    pages = rings.map(\.pages)
    self.map = map
    scratch = [UInt8](repeating: 0, count: PerfRecords.longest)
  }

  deinit { Self.remove(rings[...], from: map) }

  /// The events would stay in the map as long as it does, and take samples that nobody reads.
  private static func remove(_ rings: ArraySlice<PerfRing>, from map: borrowing FileDescriptor) {
    for ring in rings {
      unsafe withUnsafeBytes(of: UInt32(ring.cpu)) { key in
        try? unsafe BPF.element(.delete, of: map.number, key: key.baseAddress, value: nil)
      }
    }
  }

  /// Hands out samples of all rings in the order of a key: ``PerfEventArray/drain(limit:orderedBy:through:_:)``.
  mutating func drain(
    limit: Int, orderedBy key: (RawSpan) -> UInt64, through last: UInt64, _ body: (RawSpan) -> Void
  ) -> Int {
    let pages = self.pages
    return unsafe scratch.withUnsafeMutableBytes { scratch in
      unsafe PerfPages.drain(pages, limit: limit, through: last, scratch: scratch, orderedBy: key, body)
    }
  }

  /// Of the ring that has most.
  var unreadByteCount: Int { pages.reduce(0) { max($0, $1.unreadByteCount) } }

  /// Calls `body` with each ring, in the order of the CPUs. Returns the sum of what it returned.
  mutating func forEachRing(_ body: (PerfRing, UnsafeMutableRawBufferPointer) -> Int) -> Int {
    let rings = self.rings
    return unsafe scratch.withUnsafeMutableBytes { scratch in
      rings.reduce(0) { unsafe $0 + body($1, scratch) }
    }
  }

  func pause(_ isPaused: Bool) throws(SystemCallError) {
    for ring in rings { try ring.event.pause(isPaused) }
  }
}
