internal import CZlib

/// Reads a whole file that gzip may have compressed, such as /proc/config.gz.
package func contents(ofCompressedFile path: String) throws(SystemCallError) -> [UInt8] {
  // zlib does not tell why it could not open a file, open(2) does.
  _ = try FileDescriptor(opening: path, flags: 0)
  guard let file = unsafe gzopen(path, "rb") else { throw SystemCallError(call: "gzopen \(path)", errno: .outOfMemory) }
  defer { unsafe gzclose(file) }
  var all: [UInt8] = []
  var chunk = [UInt8](repeating: 0, count: 65536)
  while true {
    let count = unsafe gzread(file, &chunk, UInt32(chunk.count))
    guard count >= 0 else { throw SystemCallError(call: "gzread \(path)", errno: .invalidArgument) }
    guard count > 0 else { return all }
    all += chunk[..<Int(count)]
  }
}
