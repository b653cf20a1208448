import CaptureEvents
import CaptureFiles
import Foundation
import JudgePrograms
import RealCaptures
import Testing

/// The fields of real captures are tshark's.
@Suite(.enabled(if: RealCaptures.areThere, "\(RealCaptures.absence)"))
struct RealJSONTests {
  /// All packets as one capture, with an interface for each link type: tshark takes a second to start.
  private static let packets = RealCaptureTests.files.flatMap(\.packets)
  private static let linkTypes = Set(packets.map(\.linkType)).sorted { $0.rawValue < $1.rawValue }

  @Test func hasTheFieldsThatWiresharkHas() throws {
    #expect(Self.packets.count > 8000)
    let (lines, file) = Self.linesAndFile
    let objects = try lines.split(separator: "\n").map { line in
      try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    }
    // Whatever is printed is compared, unless it is ours alone.
    let fields = Set(objects.flatMap(\.keys)).filter { !Self.isOurs($0) }.sorted()
    #expect(fields.count > 140)
    let columns = fields + ["frame.protocols", "ieee8021ad.id", "ieee8021ad.priority", "ieee8021ad.dei"]
    let table = try Judge.tshark.run(
      JSONTests.options + ["-T", "fields"] + columns.flatMap { ["-e", $0] } + ["-r", "packets.pcapng"],
      files: ["packets.pcapng": file]
    ).text
    let rows = table.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
    #expect(rows.count == objects.count)
    var (equal, different) = (0, 0)
    var reasons: [String: Int] = [:]
    for (object, row) in zip(objects, rows) {
      let values = row.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
      let dissected = Dictionary(uniqueKeysWithValues: zip(columns, values))
      for field in fields {
        let (ours, theirs) = (JSONTests.text(object[field]), dissected[field, default: ""])
        if ours.isEmpty, theirs.isEmpty { continue }
        // Of a name that stands there several times, the outer header's comes first.
        if JSONTests.isSame(field, ours, theirs) || !ours.isEmpty && theirs.hasPrefix(ours + ",") {
          equal += 1
        } else if let reason = WiresharkDifference.reason(field, object, dissected) {
          reasons[reason, default: 0] += 1
        } else {
          different += 1
          guard different <= 40 else { continue }
          Issue.record(
            "\(field): ours \(ours), tshark \(theirs) in \(dissected["frame.protocols"] ?? "")\n\(object)")
        }
      }
    }
    Swift.print(
      "\(equal) of \(equal + different + reasons.values.reduce(0, +)) fields are equal, \(different) differ;",
      reasons.sorted { $0.value > $1.value }.map { "\($0.key) \($0.value)" }.joined(separator: ", "))
    // So that a rule that accepts too much does not pass unseen.
    #expect(reasons.values.reduce(0, +) < equal / 50)
  }

  /// Ours, and the same packets for tshark.
  private static var linesAndFile: (lines: String, file: [UInt8]) {
    let names = linkTypes.map { "link\($0.rawValue)" }
    var writer = CaptureFileWriter(
      format: .pcapng, interfaces: zip(names, linkTypes).map { CaptureInterface(name: $0, linkType: $1) })
    var printer = PacketPrinter(.json)
    var lines = OutputBuffer()
    var file = OutputBuffer()
    writer.beginFile(into: &file)
    for packet in packets {
      let bytes = unsafe packet.bytes.span.bytes
      let interface = linkTypes.firstIndex(of: packet.linkType) ?? 0
      let name = Array(names[interface].utf8)
      writer.write(
        bytes, nanoseconds: packet.microseconds * 1000, originalLength: packet.wireLength, interface: interface,
        into: &file)
      printer.write(
        bytes, wireLength: packet.wireLength,
        arrival: PacketArrival(
          nanoseconds: packet.microseconds * 1000, interface: UInt32(interface), linkType: packet.linkType),
        interfaceName: unsafe name.span.bytes, into: &lines)
    }
    return (lines.text, file.withBytes { bytes in unsafe bytes.withUnsafeBytes { unsafe Array($0) } })
  }

  private static func isOurs(_ field: String) -> Bool {
    field.hasPrefix("quoted.") || field.hasPrefix("icmpv6.opt.route_info.")
      || ["frame.direction", "socket.state", "ip.missing", "malformed"].contains(field)
  }
}

/// Where tshark's fields are others than ours: docs/internals/packet-text.md, "What differs".
private enum WiresharkDifference {
  /// Why a value that is not tshark's is accepted; nil where it is not.
  static func reason(_ field: String, _ object: [String: Any], _ dissected: [String: String]) -> String? {
    let (ours, theirs) = (JSONTests.text(object[field]), dissected[field, default: ""])
    let layer = String(field.prefix { $0 != "." })
    let protocols = dissected["frame.protocols", default: ""].split(separator: ":").map(String.init)
    // A packet within another one, or behind a header that we do not read.
    if !object.keys.contains(where: { $0.hasPrefix(layer + ".") }), !isOutermost(layer, in: protocols) {
      return "inner packets"
    }
    if ours.isEmpty, protocols.count(where: { $0 == layer }) > 1 { return "inner packets" }
    if let quoted = object["quoted." + field], ours.isEmpty, JSONTests.text(quoted) == theirs {
      return "quoted packets"
    }
    if object["malformed"] != nil, ours.isEmpty || theirs.isEmpty { return "malformed" }
    switch field {
    case "tcp.options.sack_perm" where ours == "1" && theirs == "0402": return "the option's bytes"
    case "vlan.id", "vlan.priority", "vlan.dei", "vlan.etype":
      guard theirs.isEmpty, protocols.contains("ieee8021ad") else { return nil }
      let name = field.replacing("vlan.", with: "ieee8021ad.")
      return field == "vlan.etype" || dissected[name]?.split(separator: ",").first == ours.split(separator: ",").first
        ? "other names of 802.1ad" : nil
    case "ip.version" where theirs.hasPrefix("6") && object["ipv6.version"] != nil: return "ip.version of IPv6"
    case "eth.dst", "eth.len": return protocols.starts(with: ["eth", "eth"]) ? "ISL" : nil
    case "frame.len" where object[field] as? Int == object["frame.cap_len"] as? Int:
      return "length less than what was captured"
    case "arp.hw.type", "arp.proto.type", "arp.opcode": return protocols.contains("atmarp") ? "ARP over ATM" : nil
    case "tcp.len", "tcp.seq", "tcp.ack":
      // What goes on in other fragments is no segment to tshark yet.
      let goesOn = object["ip.flags.mf"] as? Bool == true || object["ipv6.fraghdr.more"] as? Bool == true
      if goesOn, theirs.isEmpty || theirs == dissected[field + "_raw"] { return "fragments" }
      return field == "tcp.len" && object["ip.missing"] != nil ? "length beyond the frame" : nil
    case "tcp.checksum.status", "udp.checksum.status", "icmp.checksum.status":
      return ours == "2" && object["ip.missing"] != nil ? "length beyond the frame" : nil
    default: return nil
    }
  }

  /// Whether nothing stands before a header but a link header and, for those above IP, one IP header.
  private static func isOutermost(_ layer: String, in protocols: [String]) -> Bool {
    guard let index = protocols.firstIndex(of: layer) else { return true }
    let links: Set = ["eth", "ethertype", "vlan", "ieee8021ad", "sll", "llc", "null", "raw"]
    let before = protocols[..<index].filter { !links.contains($0) && !$0.hasPrefix("ipv6.") }
    return before.isEmpty || (before == ["ip"] || before == ["ipv6"]) && layer != "ip" && layer != "ipv6"
  }
}
