package import LinuxCalls
import Synchronization

/// A 32-bit global variable of a BPF program, read and written while the program runs. Owns the mapping of its section.
@safe package struct SharedVariable: ~Copyable {
  private let mapping: MemoryMapping
  private let cell: UnsafeMutablePointer<Atomic<UInt32>>

  /// - Parameters:
  ///   - map: the data section's map, made with `BPF_F_MMAPABLE`.
  ///   - offset: of the variable in the section, in bytes.
  ///   - byteCount: of the whole section.
  package init(in map: borrowing FileDescriptor, offset: Int, byteCount: Int) throws(SystemCallError) {
    precondition(offset >= 0 && offset % 4 == 0 && offset <= byteCount - 4, "the variable is not in its section")
    mapping = try MemoryMapping(of: map, byteCount: byteCount, writable: true)
    unsafe cell = (mapping.address + offset).bindMemory(to: Atomic<UInt32>.self, capacity: 1)
  }

  package var value: UInt32 { unsafe cell.pointee.load(ordering: .relaxed) }

  /// Stores the value before anything that follows is read.
  package func store(_ value: UInt32) {
    unsafe cell.pointee.store(value, ordering: .sequentiallyConsistent)
  }
}
