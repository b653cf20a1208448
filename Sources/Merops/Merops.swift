// The library: a BPF object file, from its bytes to events, without libbpf.
//
//     ObjectSpec → LoadPlan → LoadedObject → Link, RingBuffer
//
// docs/architecture.md tells which module is which.

@_exported public import BPFFeatures
@_exported public import BPFInstructions
@_exported public import BPFLinks
@_exported public import BPFLoader
@_exported public import BPFObjectFile
@_exported public import BPFObjects
@_exported public import BPFRelocation
@_exported public import BPFRings
@_exported public import BPFRun
@_exported public import BPFTypes
@_exported public import LinuxCalls
@_exported public import ObjectListing

extension RingBuffer {
  /// The reader's end of a loaded ring buffer map. A ring has one reader.
  /// - Throws: `SystemCallError` when the map is no ring buffer or cannot be mapped.
  public init(_ map: Map) throws(SystemCallError) {
    try self.init(adopting: map.descriptor(of: .ringBuffer), byteCount: Int(map.spec.maxEntries))
  }
}

extension UserRingBuffer {
  /// The writer's end of a loaded user ring buffer map. A ring has one writer.
  /// - Throws: `SystemCallError` when the map is no user ring buffer or cannot be mapped.
  public init(_ map: Map) throws(SystemCallError) {
    try self.init(adopting: map.descriptor(of: .userRingBuffer), byteCount: Int(map.spec.maxEntries))
  }
}

extension PerfEventArray {
  /// The reader of a loaded perf event array.
  /// - Parameters:
  ///   - byteCount: of the ring of each CPU: a power of two of pages.
  ///   - wakeup: when a reader that waits is woken.
  /// - Throws: `SystemCallError` when the map is no perf event array, or events cannot be opened (CAP_PERFMON).
  public init(_ map: Map, byteCount: Int = 1 << 16, wakeup: Wakeup = .samples(1)) throws(SystemCallError) {
    try self.init(
      adopting: map.descriptor(of: .perfEventArray), entryCount: Int(map.spec.maxEntries), byteCount: byteCount,
      wakeup: wakeup)
  }
}

extension OverwritablePerfEventArray {
  /// The reader of a loaded perf event array whose rings keep the newest samples.
  /// - Parameter byteCount: of the ring of each CPU: a power of two of pages.
  /// - Throws: `SystemCallError` when the map is no perf event array, or events cannot be opened (CAP_PERFMON).
  public init(_ map: Map, byteCount: Int = 1 << 16) throws(SystemCallError) {
    try self.init(
      adopting: map.descriptor(of: .perfEventArray), entryCount: Int(map.spec.maxEntries), byteCount: byteCount)
  }
}

extension Map {
  /// A descriptor of its own for a reader or writer that this type of map is made for.
  fileprivate func descriptor(of type: MapType) throws(SystemCallError) -> FileDescriptor {
    guard spec.type == type else {
      throw SystemCallError(call: "mmap of map \(name), which is of another type", errno: .invalidArgument)
    }
    return try descriptor.duplicate()
  }
}
