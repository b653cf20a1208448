import CaptureEvents
import Foundation
import JudgePrograms
import Testing

@Suite struct JSONTests {
  /// Names, and how Wireshark prints their values, are the same here.
  private static let fields = [
    "frame.number", "frame.time_epoch", "frame.len", "frame.cap_len", "eth.src", "eth.dst", "eth.type", "vlan.id",
    "vlan.priority", "vlan.dei", "vlan.etype", "ip.hdr_len", "ip.dsfield", "ip.len", "ip.id", "ip.flags",
    "ip.flags.df", "ip.flags.mf", "ip.frag_offset", "ip.ttl", "ip.proto", "ip.checksum", "ip.checksum.status", "ip.src",
    "ip.dst", "ipv6.version", "ipv6.tclass", "ipv6.flow", "ipv6.plen", "ipv6.nxt", "ipv6.hlim", "ipv6.src", "ipv6.dst",
    "ipv6.fraghdr.offset", "ipv6.fraghdr.more", "ipv6.fraghdr.ident", "tcp.srcport", "tcp.dstport", "tcp.len",
    "tcp.seq_raw", "tcp.ack_raw", "tcp.hdr_len", "tcp.flags", "tcp.flags.str", "tcp.flags.syn", "tcp.flags.ack",
    "tcp.flags.fin", "tcp.flags.reset", "tcp.flags.push", "tcp.flags.urg", "tcp.flags.ece", "tcp.flags.cwr",
    "tcp.flags.ae", "tcp.window_size_value", "tcp.checksum", "tcp.checksum.status", "tcp.urgent_pointer", "tcp.options",
    "tcp.option_kind", "tcp.options.mss_val", "tcp.options.wscale.shift", "tcp.options.timestamp.tsval",
    "tcp.options.timestamp.tsecr", "tcp.options.md5.digest", "tcp.options.user_to_granularity",
    "tcp.options.user_to_val", "tcp.options.ao.keyid", "tcp.options.ao.rnextkeyid", "tcp.options.ao.mac",
    "tcp.options.mptcp.subtype", "tcp.options.tfo.cookie",
  ]
  private static let linkFields = [
    "frame.number", "frame.len", "frame.cap_len", "eth.src", "eth.dst", "eth.type", "eth.len", "vlan.id", "vlan.len",
    "sll.pkttype",
    "sll.hatype", "sll.halen", "sll.ifindex", "sll.src.eth", "sll.etype", "sll.gretype", "null.family", "llc.dsap",
    "llc.ssap", "llc.control", "llc.oui", "llc.type",
  ]
  private static let udpFields = [
    "ip.proto", "ip.src", "ip.frag_offset", "ipv6.nxt", "ipv6.src", "udp.srcport", "udp.dstport", "udp.length",
    "udp.checksum", "udp.checksum.status",
  ]
  private static let numberFields = ["tcp.seq", "tcp.ack", "tcp.options.sack_le", "tcp.options.sack_re"]

  @Test func hasTheFieldsThatWiresharkHas() throws {
    // Not compared: IPv4 options, of which tshark takes the last address of a source route for the destination and
    // stops at bad lengths; home addresses, which it takes for the source as RFC 6275 says and tcpdump does not;
    // stacked tags, which have other names in tshark, or none.
    let packets = PacketSamples.frames.filter { frame in
      let hasIPv4Options = frame[12] == 8 && frame[14] & 15 > 5
      let hasHomeAddress = frame[12] == 0x86 && frame.count > 56 && frame[56] == 0xc9
      let hasStackedTags = frame[12] == 0x88 || frame[12] == 0x91
      return !hasIPv4Options && !hasHomeAddress && !hasStackedTags
    }
    try compare(packets.map { Captured($0) }, Self.fields)
  }

  @Test func hasTheFieldsOfUDPThatWiresharkHas() throws {
    // Not compared: packets within packets, whose fields tshark has a second time.
    let datagrams = ProtocolSamples.datagrams4.filter { [17, 51, 99].contains($0[9]) }
    let frames =
      datagrams.map { PacketBuilder.frame(0x0800, $0) }
      + ProtocolSamples.datagrams6.filter { [17, 44, 60].contains($0[6]) }.map { PacketBuilder.frame(0x86dd, $0) }
    #expect(frames.count > 20)
    try compare(frames.map { Captured($0) }, Self.udpFields)
  }

  @Test func hasTheFieldsOfLinksThatWiresharkHas() throws {
    try compare(ProtocolSamples.frames.suffix(70).map { Captured($0) }, Self.linkFields)
    for (type, frames) in ProtocolSamples.otherLinks {
      try compare(frames.map { Captured($0, linkType: type) }, Self.linkFields)
    }
  }

  @Test func countsSequenceNumbersAsWiresharkDoes() throws {
    // The handshakes, in both families, something in the place of an acknowledgment, and selective acknowledgments in a
    // connection joined later.
    var packets = PacketSamples.frames.prefix(28).map { Captured($0) }
    packets.append(
      Captured(
        PacketSamples.with {
          $0.source = 7
          $0.flags = 2
          $0.acknowledgment = 2000
        }.frame4))
    for isReply in [false, true, false] {
      packets.append(
        Captured(
          PacketSamples.with {
            $0.source = isReply ? 5 : 6
            $0.destination = isReply ? 6 : 5
            $0.isReply = isReply
            $0.sequence = isReply ? 2000 : 1000
            $0.acknowledgment = isReply ? 1000 : 2000
            $0.options =
              [1, 1, 5, 10] + UInt32(isReply ? 1100 : 2100).bigEndianBytes
              + UInt32(isReply ? 1200 : 2200).bigEndianBytes
          }.frame4))
    }
    try compare(packets, Self.numberFields)
  }

  /// Checksums are judged, and nothing is put together from several packets.
  static let options =
    ["-n", "-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE"]
    + ["-o", "ip.defragment:FALSE", "-o", "ipv6.defragment:FALSE", "-o", "tcp.desegment_tcp_streams:FALSE"]

  /// - Parameters:
  ///   - fields: what begins with `quoted.` tshark calls as if it were not quoted.
  ///   - accepts: whether our value and tshark's of a field mean the same.
  func compare(
    _ packets: [Captured], _ fields: [String], accepts: (String, String, String) -> Bool = { _, _, _ in false }
  ) throws {
    var columns: [String] = []
    for field in fields.map({ $0.replacing("quoted.", with: "") }) where !columns.contains(field) {
      columns.append(field)
    }
    let arguments =
      Self.options + ["-T", "fields", "-E", "separator=|"] + columns.flatMap { ["-e", $0] }
    let expected = try Judge.tshark.read(packets, arguments).split(separator: "\n", omittingEmptySubsequences: false)
    let actual = printed(packets, PacketPrinter(.json)).split(separator: "\n")
    #expect(actual.count == packets.count)
    var differences = 0
    for (index, line) in actual.enumerated() {
      let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
      let values = expected[index].split(separator: "|", omittingEmptySubsequences: false)
      // Of packets that do not hold together, the two show different parts.
      guard object["malformed"] == nil, object["ip.missing"] == nil else { continue }
      // tshark gives no length to a segment that goes on in other fragments.
      let goesOn = object["ip.flags.mf"] as? Bool == true || object["ipv6.fraghdr.more"] as? Bool == true
      for field in fields {
        let column = try #require(columns.firstIndex(of: field.replacing("quoted.", with: "")))
        let value = String(values[column])
        guard !Self.isSame(field, Self.text(object[field]), value) else { continue }
        if goesOn, field == "tcp.len" { continue }
        if accepts(field, Self.text(object[field]), value) { continue }
        differences += 1
        guard differences < 40 else { return }
        Issue.record("packet \(index), \(field): ours \(Self.text(object[field])), tshark \(value)\n\(line)")
      }
    }
  }

  static func isSame(_ field: String, _ ours: String, _ theirs: String) -> Bool {
    switch field {
    // As fields, tshark writes bytes without the colons that it writes in JSON.
    case "tcp.options", "tcp.options.md5.digest", "tcp.options.ao.mac", "tcp.options.tfo.cookie", "arp.src.hw",
      "arp.src.proto", "arp.dst.hw", "arp.dst.proto":
      ours.replacing(":", with: "") == theirs
    // tshark goes on behind the end of the list, and stops at a length that is wrong for its kind.
    case "tcp.option_kind":
      ours == theirs || theirs.hasPrefix(ours) && theirs.dropFirst(ours.count).allSatisfy { $0 == "," || $0 == "0" }
        || ours.hasPrefix(theirs)
    // In the capturing machine's order to tshark, whichever that was.
    case "null.family": ours == theirs || UInt32(theirs).map { String($0.byteSwapped) } == ours || theirs.isEmpty
    default: ours == theirs
    }
  }

  /// As tshark's fields are printed.
  static func text(_ value: Any?) -> String {
    switch value {
    case nil: ""
    case let values as [Any]: values.map { text($0) }.joined(separator: ",")
    case let number as NSNumber: number.stringValue
    case let bool as Bool: bool ? "1" : "0"
    case let string as String: string
    default: "?"
    }
  }

  @Test func saysWhatIsMalformed() throws {
    for frame in PacketSamples.frames {
      for count in 0..<frame.count {
        let line = printed([Captured(frame, cutTo: count)], PacketPrinter(.json))
        let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
        #expect(object["frame.cap_len"] as? Int == count)
        if object["tcp.flags"] == nil {
          let isOther =
            (object["ip.proto"] ?? object["ipv6.nxt"]) as? Int != 6 || (object["ip.frag_offset"] as? Int ?? 0) > 0
          #expect(object["malformed"] != nil || isOther)
        }
      }
    }
  }

  @Test func takesTheInterfaceNameAsItIsGiven() throws {
    let line = printed([Captured(PacketBuilder().frame4)], PacketPrinter(.json), interfaceName: #"a\"b\\c"#)
    let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    #expect(object["frame.interface_name"] as? String == #"a"b\c"#)
    let nameless = printed([Captured(PacketBuilder().frame4)], PacketPrinter(.json), interfaceName: "")
    #expect(!nameless.contains("interface_name"))
  }
}
