public import BPFTypes
import ByteReading
import ELFReading
import Glibc
import LinuxCalls

extension BTF {
  /// Reads a file of types: raw, as in /sys/kernel/btf, or an ELF file with a section `.BTF`, such as a vmlinux or a
  /// module.
  ///
  /// The kernel's own are read where they lie, which it allows since Linux 6.16. Other files are copied, since a mapped
  /// one that somebody truncates takes the process with it.
  /// - Parameter base: for a module's, the kernel's.
  /// - Throws: `LoadError` for a file that cannot be read, `BTFError` for one with other contents.
  public init(contentsOf path: String, base: BTF? = nil) throws {
    do { try self.init(bytes: Self.bytes(of: path), base: base) } catch let error as SystemCallError {
      throw LoadError(.readFile(path), error)
    }
  }

  private init(bytes: SharedBytes, base: BTF?) throws(BTFError) { try self.init(bytes, base: base) }

  private static func bytes(of path: String) throws(SystemCallError) -> SharedBytes {
    let file = try FileDescriptor(opening: path, flags: O_RDONLY)
    let count = try file.byteCount()
    if path.hasPrefix("/sys/kernel/btf/"),
      let mapping = try? MemoryMapping(of: file, byteCount: count, writable: false, shared: false)
    {
      let holder = Holder(mapping)
      return unsafe SharedBytes(adopting: holder.mapping.address, count: count) { withExtendedLifetime(holder) {} }
    }
    // A file that is none is taken as types without a container.
    let tables = try? ELFTables(byteCount: count) { (range) throws(ELFError) in try file.elfBytes(range) }
    return try file.sharedBytes(tables?.place(of: ".BTF") ?? 0..<count)
  }
}

private final class Holder: Sendable {
  let mapping: MemoryMapping
  init(_ mapping: consuming MemoryMapping) { self.mapping = mapping }
}
