import CaptureFiles
import Foundation
import LinuxCalls
import Testing

/// As from standard input: what comes is what somebody else has written by then.
@Suite struct PipeTests {
  @Test func readsAPipe() throws {
    let file = SamplePackets.file(.pcapng) + SamplePackets.file(.pcapng)
    var ends: [CInt] = [0, 0]
    #expect(unsafe pipe(&ends) == 0)
    let input = FileDescriptor(adopting: ends[0])
    let output = ends[1]
    let writer = Thread {
      // The last piece is small, so that the end comes in the middle of a read.
      for start in stride(from: 0, to: file.count, by: 1001) {
        let piece = Array(file[start..<min(start + 1001, file.count)])
        do throws(SystemCallError) {
          try unsafe writeAll(piece.span.bytes, to: output)
        } catch {
          Issue.record("\(error)")
        }
      }
      close(output)
    }
    writer.start()
    let read = try ReadFile(window: CaptureFileWindow(byteCount: 4096)) { (buffer, start) throws(SystemCallError) in
      try input.read(into: &buffer, from: start)
    }
    #expect(read == ReadFile(file))
    #expect(read.packets.count == 2 * SamplePackets.samples.count)
  }
}
