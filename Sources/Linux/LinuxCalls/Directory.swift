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
