import BPFTypes
import ByteReading
import Glibc
import LinuxCalls

extension BTF {
  /// Reads a file of raw BTF.
  ///
  /// The kernel's own are read where they lie, which it allows since Linux 6.16. Other files are copied, since a mapped
  /// one that somebody truncates takes the process with it.
  init(file path: String, base: BTF? = nil) throws {
    let file = try FileDescriptor(opening: path, flags: O_RDONLY)
    let count = try file.byteCount()
    if path.hasPrefix("/sys/kernel/btf/"),
      let mapping = try? MemoryMapping(of: file, byteCount: count, writable: false, shared: false)
    {
      let holder = Holder(mapping)
      let bytes = unsafe SharedBytes(adopting: holder.mapping.address, count: count) { withExtendedLifetime(holder) {} }
      try self.init(bytes, base: base)
      return
    }
    let bytes = try unsafe SharedBytes(byteCount: count) { (buffer) throws(SystemCallError) in
      var filled = 0
      while filled < count {
        let more = try unsafe file.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[filled..<count]))
        guard more > 0 else { break }
        filled += more
      }
      return filled
    }
    try self.init(bytes, base: base)
  }
}

private final class Holder: Sendable {
  let mapping: MemoryMapping
  init(_ mapping: consuming MemoryMapping) { self.mapping = mapping }
}
