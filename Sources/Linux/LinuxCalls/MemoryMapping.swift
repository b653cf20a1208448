internal import CLinux
import Glibc

/// Sole owner of one mapping of a descriptor's memory; unmaps it when the value ends.
@safe package struct MemoryMapping: ~Copyable, @unchecked Sendable {
  // Sendable: the address is the value's own, and what is behind it is shared with the kernel whoever holds it.
  package let address: UnsafeMutableRawPointer
  package let byteCount: Int

  /// mmap(2) with MAP_SHARED, or with MAP_PRIVATE.
  /// - Parameter offset: bytes from the start of the descriptor's memory, a multiple of the page size.
  package init(
    of descriptor: borrowing FileDescriptor, byteCount: Int, writable: Bool, offset: Int = 0, shared: Bool = true
  ) throws(SystemCallError) {
    let protection = writable ? PROT_READ | PROT_WRITE : PROT_READ
    let result = try checked(
      "mmap", linux_mmap(byteCount, protection, shared ? MAP_SHARED : MAP_PRIVATE, descriptor.number, offset))
    guard let address = unsafe UnsafeMutableRawPointer(bitPattern: result) else {
      throw SystemCallError(call: "mmap", errno: .outOfMemory)
    }
    unsafe self.address = address
    self.byteCount = byteCount
  }

  deinit { _ = unsafe linux_munmap(address, byteCount) }
}

/// The size of a memory page, in bytes.
package var pageSize: Int { linux_page_size() }
