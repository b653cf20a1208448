import CaptureEvents
import Foundation
import JudgePrograms
import Testing

/// ICMP, ICMPv6 and ARP with Wireshark's names.
@Suite struct ICMPJSONTests {
  private static let icmp = [
    "icmp.type", "icmp.code", "icmp.checksum", "icmp.checksum.status", "icmp.mtu", "icmp.redir_gw", "icmp.pointer",
    "icmp.num_addrs", "icmp.addr_entry_size", "icmp.lifetime", "icmp.router_address", "icmp.originate_timestamp",
    "icmp.receive_timestamp", "icmp.transmit_timestamp", "icmp.address_mask",
  ]
  private static let icmpOwn = ["icmp.ident", "icmp.seq"]
  private static let icmpQuoted = [
    "quoted.ip.len", "quoted.ip.id", "quoted.ip.ttl", "quoted.ip.proto", "quoted.ip.src", "quoted.ip.dst",
    "quoted.tcp.srcport", "quoted.tcp.dstport", "quoted.udp.srcport", "quoted.udp.dstport", "quoted.icmp.type",
    "quoted.icmp.code", "quoted.icmp.ident", "quoted.icmp.seq",
  ]
  private static let icmpv6 = [
    "icmpv6.type", "icmpv6.code", "icmpv6.checksum", "icmpv6.checksum.status", "icmpv6.mtu", "icmpv6.pointer",
    "icmpv6.mld.maximum_response_delay", "icmpv6.mld.maximum_response_code", "icmpv6.mld.multicast_address",
    "icmpv6.mld.flag.s", "icmpv6.mld.flag.qrv", "icmpv6.mld.qqi", "icmpv6.mld.nb_sources",
    "icmpv6.mld.source_address", "icmpv6.mldr.nb_mcast_records", "icmpv6.mldr.mar.record_type",
    "icmpv6.mldr.mar.nb_sources", "icmpv6.mldr.mar.multicast_address", "icmpv6.mldr.mar.source_address",
    "icmpv6.nd.ra.cur_hop_limit", "icmpv6.nd.ra.flag", "icmpv6.nd.ra.flag.m", "icmpv6.nd.ra.flag.o",
    "icmpv6.nd.ra.flag.h", "icmpv6.nd.ra.flag.prf", "icmpv6.nd.ra.router_lifetime", "icmpv6.nd.ra.reachable_time",
    "icmpv6.nd.ra.retrans_timer", "icmpv6.nd.ns.target_address", "icmpv6.nd.na.flag.r", "icmpv6.nd.na.flag.s",
    "icmpv6.nd.na.flag.o", "icmpv6.nd.na.target_address", "icmpv6.nd.rd.target_address",
    "icmpv6.rd.na.destination_address", "icmpv6.ni.qtype", "icmpv6.ni.flag", "icmpv6.opt.type", "icmpv6.opt.length",
    "icmpv6.opt.src_linkaddr", "icmpv6.opt.target_linkaddr", "icmpv6.opt.mtu", "icmpv6.opt.prefix",
    "icmpv6.opt.prefix.length", "icmpv6.opt.prefix.flag.l", "icmpv6.opt.prefix.flag.a",
    "icmpv6.opt.prefix.valid_lifetime", "icmpv6.opt.prefix.preferred_lifetime", "icmpv6.opt.rdnss.lifetime",
    "icmpv6.opt.rdnss", "icmpv6.opt.dnssl.lifetime", "icmpv6.opt.dnssl",
  ]
  private static let icmpv6Own = ["icmpv6.echo.identifier", "icmpv6.echo.sequence_number"]
  private static let icmpv6Quoted = [
    "quoted.ipv6.plen", "quoted.ipv6.nxt", "quoted.ipv6.hlim", "quoted.ipv6.src", "quoted.ipv6.dst",
    "quoted.tcp.srcport", "quoted.tcp.dstport", "quoted.udp.srcport", "quoted.udp.dstport", "quoted.icmpv6.type",
    "quoted.icmpv6.code", "quoted.icmpv6.echo.identifier", "quoted.icmpv6.echo.sequence_number",
  ]
  private static let arp = [
    "arp.hw.type", "arp.proto.type", "arp.hw.size", "arp.proto.size", "arp.opcode", "arp.src.hw_mac",
    "arp.src.proto_ipv4", "arp.dst.hw_mac", "arp.dst.proto_ipv4", "arp.src.hw", "arp.src.proto", "arp.dst.hw",
    "arp.dst.proto", "arp.isgratuitous", "arp.isprobe", "arp.isannouncement",
  ]

  @Test func hasTheFieldsThatWiresharkHas() throws {
    let errors: Set<UInt8> = [3, 4, 5, 11, 12]
    let messages = ICMPSamples.messages.filter { $0.count >= 8 }
    try compare(
      messages.filter { !errors.contains($0[0]) }.map { ICMPSamples.frame($0) }, Self.icmp + Self.icmpOwn)
    try compare(
      messages.filter { errors.contains($0[0]) && quotesSoundly($0) }.map { ICMPSamples.frame($0) },
      Self.icmp + Self.icmpQuoted)
    // tshark looks for options in messages of inverse neighbour discovery too.
    let sound = ICMPv6Samples.messages.filter { $0[0] != 141 && $0[0] != 142 }
    try compare(sound.filter { $0[0] > 4 }.map { ICMPv6Samples.frame($0) }, Self.icmpv6 + Self.icmpv6Own)
    try compare(sound.filter { 1...4 ~= $0[0] }.map { ICMPv6Samples.frame($0) }, Self.icmpv6 + Self.icmpv6Quoted)
    // Of ARP over ATM, the addresses are left out.
    try compare(ARPSamples.frames.filter { $0[15] != 19 }, Self.arp)
  }

  /// One whole IPv4 header, and no error in it.
  private func quotesSoundly(_ message: [UInt8]) -> Bool {
    guard message.count >= 28, message[8] == 0x45, message[10] > 0 || message[11] >= 20 else { return false }
    return message[17] != 1 || message[28] == 8
  }

  private func compare(_ frames: [[UInt8]], _ fields: [String]) throws {
    try JSONTests().compare(frames.map { Captured($0) }, fields) { field, ours, theirs in
      let values = theirs.split(separator: ",").map(String.init)
      // As fields, tshark writes bytes without the colons that it writes in JSON.
      if ours.replacing(":", with: "") == theirs.replacing(":", with: "") { return true }
      // The quoted packet comes last. Where it has not the field, this is the outer packet's.
      guard field.hasPrefix("quoted.") else { return values.first == ours }
      return values.last == ours || ours.isEmpty && values.count <= 1
    }
  }

  @Test func namesWhatIsQuotedApart() throws {
    let echo = ICMPSamples.message(8, 0, [0, 7, 0, 9, 1, 2])
    let quoted = PacketBuilder().ipv4(protocolNumber: 1, payload: echo)
    let line = printed(
      [Captured(ICMPSamples.frame(ICMPSamples.message(11, 0, [0, 0, 0, 0] + quoted)))], PacketPrinter(.json))
    let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    #expect(object["icmp.type"] as? Int == 11)
    #expect(object["icmp.ident"] == nil)
    #expect(object["quoted.icmp.type"] as? Int == 8)
    #expect(object["quoted.icmp.ident"] as? Int == 7)
    #expect(object["quoted.ip.dst"] as? String == "10.0.0.2")
  }

  @Test func tellsPrefixesOfRoutesFromOthers() throws {
    let message = ICMPv6Samples.message(134, 0, [64, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0])
    let options = ICMPv6Samples.options[2] + ICMPv6Samples.routes.flatMap { $0 }
    let line = printed([Captured(ICMPv6Samples.frame(message + options))], PacketPrinter(.json))
    let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    #expect(object["icmpv6.opt.prefix"] as? [String] == ["2001:db8:1:2::"])
    #expect(object["icmpv6.opt.route_info.prefix"] as? [String] == ["::", "2001:db8:1::", "2001:db8:1:2::"])
    #expect(object["icmpv6.opt.route_info.prefix_length"] as? [Int] == [0, 48, 64])
    #expect(object["icmpv6.opt.route_lifetime"] as? [Int] == [9, 4_294_967_295, 256])
  }

  @Test func saysWhatIsMalformed() throws {
    for frame in ICMPTextTests.frames {
      var wasWhole = false
      for count in stride(from: 14, through: frame.count, by: 1) {
        let line = printed([Captured(frame, cutTo: count)], PacketPrinter(.json))
        let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
        // What was whole does not become malformed with more bytes, unless they are options.
        let isWhole = object["malformed"] == nil
        if wasWhole, !isWhole { #expect(line.contains("option") || line.contains("quoted"), "\(line)") }
        wasWhole = isWhole
      }
    }
  }
}
