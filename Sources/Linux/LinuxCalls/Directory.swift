import Glibc

/// The names in a directory, without `.` and `..`; none where it cannot be read.
package func entries(ofDirectory path: String) -> [String] {
  guard let directory = unsafe opendir(path) else { return [] }
  defer { unsafe closedir(directory) }
  var names: [String] = []
  while let entry = unsafe readdir(directory) {
    let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
      unsafe $0.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
    }
    if name != "." && name != ".." { names.append(name) }
  }
  return names
}

/// The processes there are, as far as /proc shows them.
package func processIdentifiers() -> [Int32] {
  entries(ofDirectory: "/proc").compactMap { Int32($0) }.sorted()
}

/// The number of a file in its file system, such as that of a namespace below /proc/PID/ns; `nil` where there is none.
package func inode(ofFile path: String) -> UInt64? {
  var status = stat()
  return unsafe stat(path, &status) == 0 ? UInt64(status.st_ino) : nil
}

/// Whether somebody reads what is written there, now or soon: a pipe, a socket or a terminal, not a file on a disk.
package func hasReader(file path: String) -> Bool {
  var status = stat()
  return unsafe stat(path, &status) == 0 && status.st_mode & S_IFMT != S_IFREG
}

/// mkdir(2), for everybody to look into. One that is there already does.
package func makeDirectory(_ path: String) throws(SystemCallError) {
  guard unsafe mkdir(path, 0o755) != 0 else { return }
  let number = errno
  if number != EEXIST { throw SystemCallError(call: "mkdir \(path)", errno: Errno(rawValue: number)) }
}
