import BPFObjectFile
import LinuxCalls

/// The values of an array map with `BPF_F_MMAPABLE`, in place: no system call, and no copy, for each (5.5). Programs write
/// to them at the same time, so that a value of more than 8 bytes may be half old and half new.
@safe public struct MappedArray: ~Copyable, @unchecked Sendable {
  // Sendable: what is behind the mapping is shared with the kernel whoever holds it.
  /// How many values there are.
  public let count: Int
  /// Of one value.
  public let byteCount: Int
  private let mapping: MemoryMapping
  private let stride: Int
  private let isWritable: Bool

  /// - Parameter writable: whether ``withMutableBytes(at:_:)`` is used; a frozen map cannot be mapped so.
  /// - Throws: `MapError` when the map is no array that can be mapped.
  public init(_ map: Map, writable: Bool = false) throws(MapError) {
    guard map.spec.type == .array, map.spec.flags.contains(.mappable) else {
      throw MapError(.map, map.name, .notSupported)
    }
    let (count, byteCount) = (Int(map.spec.maxEntries), Int(map.spec.valueSize))
    let stride = (byteCount + 7) / 8 * 8
    let (total, overflows) = stride.multipliedReportingOverflow(by: count)
    let page = pageSize
    guard !overflows, total < .max - page else { throw MapError(.map, map.name, .notSupported) }
    do {
      mapping = try MemoryMapping(
        of: map.descriptor, byteCount: (total + page - 1) / page * page, writable: writable)
    } catch { throw MapError(.map, map, error) }
    self.count = count
    self.byteCount = byteCount
    self.stride = stride
    isWritable = writable
  }

  /// - Returns: `nil` where the index is behind the end.
  public func withBytes<Answer>(at index: Int, _ body: (RawSpan) -> Answer) -> Answer? {
    guard index >= 0, index < count else { return nil }
    return unsafe body(UnsafeRawBufferPointer(start: mapping.address + index * stride, count: byteCount).bytes)
  }

  /// - Returns: `nil` where the index is behind the end, or the array is not mapped for writing.
  public func withMutableBytes<Answer>(at index: Int, _ body: (inout MutableRawSpan) -> Answer) -> Answer? {
    guard isWritable, index >= 0, index < count else { return nil }
    var bytes = unsafe UnsafeMutableRawBufferPointer(start: mapping.address + index * stride, count: byteCount)
      .mutableBytes
    return body(&bytes)
  }
}
