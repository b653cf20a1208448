import CaptureEvents
import CaptureFiles

/// Reads any bytes as a capture file, as a whole and piece by piece, which has to come to the same; what was read is
/// written, which has to be read again.
public func readCaptureFile(_ file: [UInt8]) {
  var whole = Reading()
  unsafe whole.read(file.span.bytes, at: 0, isLast: true)

  var pieces = Reading()
  var window = CaptureFileWindow(byteCount: 64)
  var next = 0
  let chunk = 1 + Int(file.last ?? 0)
  while !pieces.isOver {
    window.withBytes { bytes in pieces.read(bytes, at: window.offset, isLast: window.isLast) }
    guard !pieces.isOver else { break }
    window.slide(to: pieces.reader.position, through: pieces.needed) { buffer, start in
      let count = min(chunk, buffer.count - start, file.count - next)
      buffer.replaceSubrange(start..<start + count, with: file[next..<next + count])
      next += count
      return count
    }
  }
  precondition(whole.packets == pieces.packets, "packets depend on how they come")
  precondition(whole.error == pieces.error, "\(String(describing: whole.error)) \(String(describing: pieces.error))")
  _ = whole.error?.description

  var again = Reading()
  unsafe again.read(whole.written.span.bytes, at: 0, isLast: true)
  precondition(again.error == nil && again.packets.count == whole.packets.count, "ours cannot be read")
}

private struct Reading {
  struct Packet: Equatable {
    var nanoseconds: Int64?
    var bytes: [UInt8]
    var comments: [String]
  }

  var reader = CaptureFileReader()
  var packets: [Packet] = []
  var error: CaptureFileError?
  var isOver = false
  var needed = 0

  mutating func read(_ bytes: RawSpan, at start: Int, isLast: Bool) {
    do throws(CaptureFileError) {
      while true {
        switch try reader.next(in: bytes, at: start, isLast: isLast) {
        case .packet(let packet):
          _ = reader.interfaces[packet.interface]
          packets.append(
            Packet(
              nanoseconds: packet.nanoseconds,
              bytes: unsafe bytes.extracting(packet.range).withUnsafeBytes { unsafe Array($0) },
              comments: reader.comments(of: packet, in: bytes)))
        case .statistics: continue
        case .needsMore(let end):
          precondition(!isLast && end > start + bytes.byteCount, "needs what is there")
          needed = end
          return
        case .end:
          isOver = true
          return
        }
      }
    } catch {
      self.error = error
      isOver = true
    }
  }

  var written: [UInt8] {
    var writer = CaptureFileWriter(format: .pcapng, section: reader.section, interfaces: [CaptureInterface()])
    var buffer = OutputBuffer()
    writer.beginFile(into: &buffer)
    for packet in packets {
      unsafe writer.write(
        packet.bytes.span.bytes, nanoseconds: packet.nanoseconds ?? 0, originalLength: packet.bytes.count,
        comment: Array((packet.comments.first ?? "").utf8).span.bytes, into: &buffer)
    }
    return buffer.withBytes { bytes in unsafe bytes.withUnsafeBytes { unsafe Array($0) } }
  }
}
