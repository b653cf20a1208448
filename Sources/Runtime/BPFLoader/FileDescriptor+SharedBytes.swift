package import ByteReading
package import ELFReading
package import LinuxCalls

extension FileDescriptor {
  /// A part of the file, copied, since a mapped file that somebody truncates takes the process with it; fewer bytes
  /// where the file ends before.
  package borrowing func sharedBytes(_ range: Range<Int>) throws(SystemCallError) -> SharedBytes {
    try unsafe SharedBytes(byteCount: range.count) { (buffer) throws(SystemCallError) in
      try unsafe fill(buffer, from: range.lowerBound)
    }
  }

  /// The same for the readers of ELF files, who know no system calls.
  package borrowing func elfBytes(_ range: Range<Int>) throws(ELFError) -> SharedBytes {
    do throws(SystemCallError) { return try sharedBytes(range) } catch { throw .unreadable("\(error)") }
  }
}
