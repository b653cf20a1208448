import ByteReading
import CaptureEvents
import Foundation

/// Another program that reads the same packets, to compare with. One that is missing fails the test that asks for it.
struct Judge {
  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  let program: String

  static let tcpdump = Judge(program: "tcpdump")
  static let tshark = Judge(program: "tshark")

  /// Writes the packets into a capture file and has the program read it.
  /// - Returns: its standard output.
  func read(_ packets: [Captured], _ arguments: [String], timeZone: String = "UTC") throws -> String {
    let directory = FileManager.default.temporaryDirectory.appending(path: "capture-events-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    let file = directory.appending(path: "packets.pcap")
    try Data(Self.captureFile(packets)).write(to: file)

    let output = directory.appending(path: "output")
    _ = FileManager.default.createFile(atPath: output.path, contents: nil)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [program] + arguments + ["-r", file.path]
    process.environment = ["TZ": timeZone, "PATH": "/usr/bin:/usr/sbin:/bin:/sbin", "HOME": directory.path]
    process.standardOutput = try FileHandle(forWritingTo: output)
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw Failure(
        description: "\(program) ended with status \(process.terminationStatus); is it installed?")
    }
    return String(decoding: try Data(contentsOf: output), as: UTF8.self)
  }

  /// The classic format, microseconds, Ethernet.
  private static func captureFile(_ packets: [Captured]) -> [UInt8] {
    var file: [UInt8] = []
    for word in [0xa1b2_c3d4, 0x0002_0004, 0, 0, 262_144, 1] as [UInt32] { file.append(bigEndian: word) }
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
    arrival: PacketArrival(nanoseconds: packet.microseconds * 1000), interfaceName: unsafe name.span.bytes, into: &out)
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
      case "-q": isQuiet = true
      case "-e": showsLinkHeader = true
      case "-S": absoluteSequenceNumbers = true
      case "-#": showsNumber = true
      case "-x": hexDump = .network
      case "-xx": hexDump = .link
      default: fatalError("no such option: \(argument)")
      }
    }
  }
}
