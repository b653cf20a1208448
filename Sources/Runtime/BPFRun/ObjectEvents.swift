public import BPFLoader
import BPFObjectFile
import BPFRings
import Glibc
public import LinuxCalls

/// What comes out of an object while it runs.
public enum ObjectEvent {
  /// A record of a ring buffer, or a sample of a perf event array, whose length may have up to 7 bytes of padding.
  case record(map: Map, isPerf: Bool)
  /// A line that a program printed (`bpf_printk`), as the kernel's trace pipe shows it.
  case traced
}

/// Reads everything that the programs of an object send.
public struct ObjectEvents: ~Copyable {
  private final class PerfReader {
    let map: Map
    var array: PerfEventArray
    init(_ map: Map, _ array: consuming PerfEventArray) {
      self.map = map
      self.array = array
    }
  }

  private var rings: RingBufferSet
  private let ringMaps: [Map]
  private let perfReaders: [PerfReader]
  private let tracePipe: FileDescriptor?
  private var line: [UInt8] = []
  private var chunk = [UInt8](repeating: 0, count: 1 << 16)
  private let queue: EventQueue
  private let signals: SignalQueue

  private static let signalToken: UInt64 = 0
  private static let otherToken: UInt64 = 1

  /// - Parameters:
  ///   - perfByteCount: of the ring of each CPU of a perf event array: a power of two of pages.
  ///   - readsTracePipe: the pipe has one reader at a time, and what is read is gone for others.
  /// - Throws: `SystemCallError`, `LoadError`
  public init(
    of object: LoadedObject, perfByteCount: Int = 1 << 18, readsTracePipe: Bool, endingAt ends: [CInt]
  ) throws {
    // Each part by itself first, so that one that cannot be made leaves nothing half made.
    let queue = try EventQueue()
    let signals = try SignalQueue(ends)
    try queue.watch(signals.descriptor, token: Self.signalToken)
    var rings = try RingBufferSet()
    let ringMaps = object.maps.filter { $0.spec.type == .ringBuffer }
    for (token, map) in ringMaps.enumerated() {
      let ring = try RingBuffer(adopting: map.descriptor.duplicate(), byteCount: Int(map.spec.maxEntries))
      try rings.add(ring, token: token)
    }
    try queue.watch(rings.descriptor, token: Self.otherToken)
    let perfReaders = try object.maps.filter { $0.spec.type == .perfEventArray }.map { map in
      let entries = Int(map.spec.maxEntries)
      return PerfReader(
        map,
        try PerfEventArray(adopting: map.descriptor.duplicate(), entryCount: entries, byteCount: perfByteCount))
    }
    for reader in perfReaders { try queue.watch(reader.array.descriptor, token: Self.otherToken) }
    let tracePipe = try Self.tracePipe(isWanted: readsTracePipe, queue)
    self.queue = queue
    self.signals = signals
    self.rings = rings
    self.ringMaps = ringMaps
    self.perfReaders = perfReaders
    self.tracePipe = tracePipe
  }

  /// `nil` also where it cannot be opened, which takes root, or where another reader has it.
  private static func tracePipe(
    isWanted: Bool, _ queue: borrowing EventQueue
  ) throws(SystemCallError) -> FileDescriptor? {
    guard isWanted, let tracefs = Tracefs.found,
      let pipe = try? FileDescriptor(opening: "\(tracefs.root)/trace_pipe", flags: O_RDONLY | O_NONBLOCK)
    else { return nil }
    try queue.watch(pipe, token: otherToken)
    return pipe
  }

  /// How many records found no room, by map; ring buffers do not tell.
  public var lost: [(map: String, count: UInt64)] {
    perfReaders.map { ($0.map.name, $0.array.lostCount) }.filter { $0.1 > 0 }
  }

  /// Waits, and hands out what has come.
  /// - Parameter milliseconds: how long to wait at most; `nil` for ever.
  /// - Returns: false once a signal has come that ends it.
  public mutating func next(
    milliseconds: Int?, _ body: (ObjectEvent, RawSpan) -> Void
  ) throws(SystemCallError) -> Bool {
    var hasEnded = false
    try queue.wait(milliseconds: milliseconds) { hasEnded = hasEnded || $0 == Self.signalToken }
    rings.drain(limit: 4096) { token, record in body(.record(map: ringMaps[token], isPerf: false), record) }
    for reader in perfReaders {
      reader.array.drain(limit: 4096) { _, sample in body(.record(map: reader.map, isPerf: true), sample) }
    }
    try readTracePipe(body)
    return !hasEnded
  }

  private mutating func readTracePipe(_ body: (ObjectEvent, RawSpan) -> Void) throws(SystemCallError) {
    switch tracePipe {
    case .some(let pipe):
      // Empty, or in the hands of another reader.
      guard let count = try? pipe.read(into: &chunk) else { return }
      for byte in chunk[..<count] {
        if byte == UInt8(ascii: "\n") {
          unsafe body(.traced, line.span.bytes)
          line.removeAll(keepingCapacity: true)
        } else if line.count < 1 << 12 {
          line.append(byte)
        }
      }
    case .none: break
    }
  }
}
