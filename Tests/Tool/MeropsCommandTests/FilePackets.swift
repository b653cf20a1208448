import CaptureFiles
import Foundation

/// What is in a capture file, as our own reader tells it.
struct FilePackets {
  var packets: [(packet: FilePacket, bytes: [UInt8])] = []
  var interfaces: [CaptureInterface] = []
  var statistics: [InterfaceStatistics] = []

  init(of file: URL) throws {
    let bytes = try [UInt8](Data(contentsOf: file))
    var reader = CaptureFileReader()
    while true {
      switch try unsafe reader.next(in: bytes.span.bytes, at: 0, isLast: true) {
      case .packet(let packet): packets.append((packet, Array(bytes[packet.range])))
      case .statistics: if let block = reader.statistics { statistics.append(block) }
      case .needsMore, .end:
        interfaces = reader.interfaces
        return
      }
    }
  }

  func isSame(as other: FilePackets) -> Bool {
    packets.elementsEqual(other.packets) { one, other in
      one.bytes == other.bytes && one.packet.nanoseconds == other.packet.nanoseconds
        && one.packet.originalLength == other.packet.originalLength
    }
  }
}
