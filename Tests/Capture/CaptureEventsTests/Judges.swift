import ByteReading
import CaptureEvents
import JudgePrograms

extension Judge {
  /// Writes the packets into a capture file and has the program read it.
  /// - Returns: its standard output.
  func read(_ packets: [Captured], _ arguments: [String], timeZone: String = "UTC") throws -> String {
    try run(
      arguments + ["-r", "packets.pcap"], files: ["packets.pcap": Self.captureFile(packets)], timeZone: timeZone
    ).text
  }

  /// The classic format, microseconds; the link type is the first packet's.
  private static func captureFile(_ packets: [Captured]) -> [UInt8] {
    var file: [UInt8] = []
    for word in [0xa1b2_c3d4, 0x0002_0004, 0, 0, 262_144, UInt32(packets.first?.linkType.rawValue ?? 1)]
      as [UInt32]
    { file.append(bigEndian: word) }
    for packet in packets {
      file.append(bigEndian: UInt32(packet.microseconds / 1_000_000))
      file.append(bigEndian: UInt32(packet.microseconds % 1_000_000))
      file.append(bigEndian: UInt32(packet.bytes.count))
      file.append(bigEndian: UInt32(packet.wireLength))
      file += packet.bytes
    }
    return file
  }
}

/// What a printer makes of packets, as text.
func printed(_ packets: [Captured], _ printer: PacketPrinter, interfaceName: String = "eth0") -> String {
  var printer = printer
  var out = OutputBuffer()
  for packet in packets { print(packet, &printer, interfaceName: interfaceName, into: &out) }
  return out.text
}

func print(
  _ packet: Captured, _ printer: inout PacketPrinter, interfaceName: String = "eth0", into out: inout OutputBuffer
) {
  let name = Array(interfaceName.utf8)
  printer.write(
    unsafe packet.bytes.span.bytes, wireLength: packet.wireLength,
    arrival: PacketArrival(nanoseconds: packet.microseconds * 1000, linkType: packet.linkType),
    interfaceName: unsafe name.span.bytes, into: &out)
}

extension OutputBuffer {
  var last: UInt8? {
    withBytes { bytes in bytes.isEmpty ? nil : try? bytes.read(UInt8.self, at: bytes.byteCount - 1) }
  }

  var text: String {
    withBytes { bytes in unsafe bytes.withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) } }
  }
}

extension TextOptions {
  /// From tcpdump's letters: `-tt -e -vv -S -q -# -x`.
  init(_ arguments: [String]) {
    self.init()
    for argument in arguments {
      switch argument {
      case "-t": timestamps = .none
      case "-tt": timestamps = .epoch
      case "-ttt": timestamps = .sincePrevious
      case "-tttt": timestamps = .dateAndTime
      case "-ttttt": timestamps = .sinceFirst
      case "-v": verbosity = 1
      case "-vv": verbosity = 2
      case "-vvv": verbosity = 3
      case "-q": isQuiet = true
      case "-e": showsLinkHeader = true
      case "-S": absoluteSequenceNumbers = true
      case "-#": showsNumber = true
      case "-x": hexDump = .network
      case "-xx": hexDump = .link
      case "-X": hexDump = .networkAndText
      case "-XX": hexDump = .linkAndText
      case "-A": hexDump = .networkText
      case "-AA": hexDump = .linkText
      default: fatalError("no such option: \(argument)")
      }
    }
  }
}
