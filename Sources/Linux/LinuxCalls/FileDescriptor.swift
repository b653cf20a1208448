internal import CLinux
import Glibc

/// Sole owner of one open descriptor; closes it when the value ends.
public struct FileDescriptor: ~Copyable, Sendable {
  package let number: CInt
  package init(adopting number: CInt) { self.number = number }

  /// open(2), close-on-exec.
  package init(opening path: String, flags: CInt) throws(SystemCallError) {
    number = try retrying("open \(path)") { unsafe linux_open(path, flags) }
  }

  /// open(2) with `O_CREAT`, close-on-exec.
  package init(creating path: String, flags: CInt, mode: CUnsignedInt) throws(SystemCallError) {
    number = try retrying("open \(path)") { unsafe linux_create(path, flags, mode) }
  }

  /// fsmount(2): the root of a file system such as tracefs, mounted at no place in any name space, so that nobody else sees it and it
  /// is gone with the descriptor (5.2).
  package init(mounting fileSystem: String) throws(SystemCallError) {
    number = try checked("mount \(fileSystem)", unsafe linux_mount_nowhere(fileSystem))
  }

  /// pidfd_open(2): stands for a process, whatever becomes of its number (5.3).
  package init(ofProcess pid: Int32) throws(SystemCallError) {
    number = try checked("pidfd_open(\(pid))", linux_pidfd_open(pid))
  }

  /// A second descriptor for the same open file, close-on-exec.
  package borrowing func duplicate() throws(SystemCallError) -> FileDescriptor {
    FileDescriptor(adopting: try checked("fcntl(F_DUPFD_CLOEXEC)", linux_duplicate(number)))
  }

  /// A second descriptor, close-on-exec, for a file that somebody else has open.
  package init(duplicating number: CInt) throws(SystemCallError) {
    self.init(adopting: try checked("fcntl(F_DUPFD_CLOEXEC)", linux_duplicate(number)))
  }

  /// Closes now and reports failure, which `deinit` cannot.
  public consuming func close() throws(SystemCallError) {
    let number = self.number
    discard self
    _ = try checked("close", linux_close(number))
  }

  deinit { _ = linux_close(number) }
}

extension FileDescriptor {
  /// read(2): fills `buffer` from `start` on. Returns how many bytes came, 0 at the end.
  package borrowing func read(into buffer: inout [UInt8], from start: Int = 0) throws(SystemCallError) -> Int {
    precondition(start >= 0 && start <= buffer.count, "behind the buffer")
    let number = self.number
    return try retrying("read") {
      unsafe buffer.withUnsafeMutableBytes {
        let room = unsafe UnsafeMutableRawBufferPointer(rebasing: $0[start...])
        return unsafe linux_read(number, room.baseAddress, room.count)
      }
    }
  }

  /// pread(2) into memory of the caller's, from an offset in the file on, until it is full. Returns how many bytes came,
  /// fewer only where the file ends.
  @unsafe package borrowing func fill(
    _ buffer: UnsafeMutableRawBufferPointer, from offset: Int
  ) throws(SystemCallError) -> Int {
    let number = self.number
    var filled = 0
    while filled < buffer.count {
      let start = filled
      let more = try retrying("pread") {
        unsafe linux_read_at(number, buffer.baseAddress?.advanced(by: start), buffer.count - start, offset + start)
      }
      guard more > 0 else { break }
      filled += more
    }
    return filled
  }

  /// poll(2): waits until there is something to read, again after each signal.
  /// - Parameter milliseconds: how long at most; `nil` for ever.
  /// - Returns: whether there is; false when the time ran out.
  package borrowing func waitForInput(milliseconds: Int?) throws(SystemCallError) -> Bool {
    let number = self.number
    return try retrying("poll") { linux_poll_input(number, CInt(clamping: milliseconds ?? -1)) } > 0
  }

  /// readlink(2) of /proc/self/fd: the path of what is open.
  package borrowing func path() throws(SystemCallError) -> String {
    var bytes = [UInt8](repeating: 0, count: Int(PATH_MAX))
    let link = "/proc/self/fd/\(number)"
    let count = try retrying("readlink \(link)") { unsafe linux_read_link(link, &bytes, bytes.count) }
    return String(decoding: bytes[..<count], as: UTF8.self)
  }

  /// fstat(2): the size of the file, in bytes; 0 for files that are made while they are read, such as those of procfs.
  package borrowing func byteCount() throws(SystemCallError) -> Int {
    let number = self.number
    return try retrying("fstat") { linux_file_size(number) }
  }

  /// ftruncate(2): forgets what lies behind the first `byteCount` bytes of the file.
  package borrowing func truncate(to byteCount: Int) throws(SystemCallError) {
    let number = self.number
    _ = try retrying("ftruncate") { linux_truncate(number, byteCount) }
  }

  /// Reads to the end of the file.
  package borrowing func readAll() throws(SystemCallError) -> [UInt8] {
    var all: [UInt8] = []
    all.reserveCapacity((try? byteCount()) ?? 0)
    var chunk = [UInt8](repeating: 0, count: 65536)
    while case let count = try read(into: &chunk), count > 0 { all.append(contentsOf: chunk[..<count]) }
    return all
  }
}

/// Reads a whole file.
package func contents(ofFile path: String) throws(SystemCallError) -> [UInt8] {
  try FileDescriptor(opening: path, flags: O_RDONLY).readAll()
}

/// The first line of a file, as those of /proc and /sys are that hold one value; `nil` where it cannot be read.
package func line(ofFile path: String) -> String? {
  (try? contents(ofFile: path)).map { String(decoding: $0.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self) }
}

/// write(2) to a descriptor that somebody else owns, such as standard output. Returns how many bytes went out.
package func write(_ bytes: RawSpan, to descriptor: CInt) throws(SystemCallError) -> Int {
  try retrying("write") { unsafe bytes.withUnsafeBytes { unsafe linux_write(descriptor, $0.baseAddress, $0.count) } }
}

/// Writes all of `bytes` to a descriptor that somebody else owns.
package func writeAll(_ bytes: RawSpan, to descriptor: CInt) throws(SystemCallError) {
  var written = 0
  while written < bytes.byteCount {
    written += try write(bytes.extracting(droppingFirst: written), to: descriptor)
  }
}
