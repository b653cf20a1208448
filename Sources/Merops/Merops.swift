// The library: a BPF object file, from its bytes to events, without libbpf.
//
//     ObjectSpec → LoadPlan → LoadedObject → Link, RingBuffer
//
// docs/architecture.md tells which module is which.

@_exported public import BPFInstructions
@_exported public import BPFLinks
@_exported public import BPFLoader
@_exported public import BPFObjectFile
@_exported public import BPFRelocation
@_exported public import BPFRings
@_exported public import BPFTypes
@_exported public import LinuxCalls
@_exported public import ObjectListing

extension RingBuffer {
  /// The reader's end of a loaded ring buffer map. A ring has one reader.
  /// - Throws: `SystemCallError` when the map is no ring buffer or cannot be mapped.
  public init(_ map: Map) throws(SystemCallError) {
    guard map.spec.type == .ringBuffer else {
      throw SystemCallError(call: "mmap of map \(map.name), which is no ring buffer", errno: .invalidArgument)
    }
    try self.init(adopting: map.descriptor.duplicate(), byteCount: Int(map.spec.maxEntries))
  }
}
