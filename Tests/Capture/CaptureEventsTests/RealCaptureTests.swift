import CaptureEvents
import CaptureFiles
import Foundation
import JudgePrograms
import RealCaptures
import Synchronization
import Testing

/// The lines of real captures are tcpdump's, except where it goes on to dissect what we name.
@Suite(.enabled(if: RealCaptures.areThere, "\(RealCaptures.absence)"))
struct RealCaptureTests {
  /// The packets of a file, as libpcap hands them out.
  struct File: Sendable {
    let name: String
    let packets: [Captured]

    init(_ url: URL) throws {
      name = url.lastPathComponent
      let bytes = [UInt8](try Data(contentsOf: url))
      var packets: [Captured] = []
      var reader = CaptureFileReader()
      reading: while let step = try? reader.next(in: unsafe bytes.span.bytes, at: 0, isLast: true) {
        switch step {
        case .packet(let packet):
          let interface = reader.interfaces[packet.interface]
          // Only so much of a packet as the file says that it would have at most.
          let limit = interface.snapLength == 0 ? Int.max : Int(interface.snapLength)
          packets.append(
            Captured(
              Array(bytes[packet.range].prefix(limit)), wireLength: packet.originalLength,
              at: (packet.nanoseconds ?? 0) / 1000, linkType: interface.linkType))
        case .statistics: continue
        case .needsMore, .end: break reading
        }
      }
      self.packets = packets
    }
  }

  static let files: [File] = RealCaptures.files.compactMap { try? File($0) }.filter { file in
    !file.packets.isEmpty && file.packets.allSatisfy(\.linkType.isUnderstood)
  }

  @Test(arguments: [
    ["-t"], ["-t", "-v"], ["-t", "-vv"], ["-t", "-e"], ["-t", "-S"], ["-t", "-q"], ["-t", "-e", "-q", "-v"], ["-tttt"],
  ])
  func areLinesOfTcpdump(options: [String]) throws {
    #expect(Self.files.count > 300)
    let theirs = try Self.tcpdump(options)
    var (equal, accepted, different) = (0, 0, 0)
    var reasons: [String: Int] = [:]
    for (file, output) in zip(Self.files, theirs) {
      let expected = TcpdumpComparisonTests.groups(output)
      let actual = TcpdumpComparisonTests.groups(
        printed(file.packets, PacketPrinter(.text(TextOptions(["-#"] + options))), interfaceName: ""))
      #expect(actual.count <= expected.count, "\(file.name)")
      for (index, (ours, theirs)) in zip(actual, expected).enumerated() {
        if ours == theirs {
          equal += 1
        } else if let reason = Dissection.reason(
          ours: ours, theirs: theirs, isDated: options.contains("-tttt"))
        {
          accepted += 1
          reasons[reason, default: 0] += 1
        } else {
          different += 1
          guard different <= 20 else { continue }
          Issue.record("\(file.name), packet \(index + 1)\n     ours \(ours)\n  tcpdump \(theirs)")
        }
      }
    }
    Swift.print(
      "\(options.joined(separator: " ")): \(equal) lines are equal, \(accepted) as far as tcpdump's header, \(different) differ;",
      reasons.sorted { $0.value > $1.value }.map { "\($0.key) \($0.value)" }.joined(separator: ", "))
    // So that a rule that accepts too much does not pass unseen.
    #expect(accepted < equal * 4)
  }

  /// Dumps do not depend on what was dissected, unless that ended in a failed read: then the whole frame is dumped.
  @Test(arguments: [["-t", "-xx"], ["-t", "-XX"], ["-t", "-AA"], ["-t", "-e", "-x"], ["-t", "-X"], ["-t", "-A"]])
  func areDumpedAsTcpdumpDoes(options: [String]) throws {
    let theirs = try Self.tcpdump(options)
    let begin = options.last?.hasPrefix("-A") == true ? "\n" : "\n\t0x0000:"
    var different = 0
    for (file, output) in zip(Self.files, theirs) {
      let expected = TcpdumpComparisonTests.groups(output)
      let actual = TcpdumpComparisonTests.groups(
        printed(file.packets, PacketPrinter(.text(TextOptions(["-#"] + options))), interfaceName: ""))
      for (index, (ours, theirs)) in zip(actual, expected).enumerated() where ours != theirs {
        let line = ours.utf8.firstIndex(of: UInt8(ascii: "\n")) ?? ours.endIndex
        let start = ours[line...].hasPrefix(begin) ? line : ours.range(of: begin)?.lowerBound ?? ours.endIndex
        if Self.ends(theirs, with: ours[start...]) { continue }
        if options.last?.count == 2, theirs.contains("[|") || ours.contains(/Arista|MACsec/) { continue }
        guard !theirs.contains("[Invalid header:") else { continue }
        different += 1
        guard different <= 5 else { continue }
        Issue.record("\(file.name), packet \(index + 1)\n     ours \(ours)\n  tcpdump \(theirs)")
      }
    }
    #expect(different == 0)
  }

  /// The outputs of all files, in their order.
  private static func tcpdump(_ options: [String]) throws -> [String] {
    let script = #"for file in "$@"; do printf '\034'; tcpdump -nn -# $OPTIONS -r "$file" 2>/dev/null; done; true"#
    let answer = try Judge(program: "sh").run(
      ["-c", "OPTIONS='\(options.joined(separator: " "))'; " + script, "sh"]
        + files.map { RealCaptures.directory.appending(path: $0.name).path }, files: [:])
    let bytes = [UInt8](answer.output)
    var outputs: [String] = []
    var start = 1
    while start <= bytes.count {
      var end = start
      while end < bytes.count, bytes[end] != 0o34 { end += 1 }
      outputs.append(String(decoding: bytes[start..<end], as: UTF8.self))
      start = end + 1
    }
    #expect(outputs.count == files.count)
    return outputs
  }

  /// What hasSuffix says, which goes by characters and takes its time.
  private static func ends(_ text: String, with suffix: Substring) -> Bool {
    let start = text.utf8.index(text.endIndex, offsetBy: -suffix.utf8.count, limitedBy: text.startIndex)
    return start.map { text[$0...] == suffix } ?? false
  }

  @Test func arePrintedInEveryFormat() throws {
    for format in [.headers, .json] as [PacketPrinter.Format] {
      var printer = PacketPrinter(format)
      var out = OutputBuffer()
      for file in Self.files {
        for packet in file.packets {
          out.removeAll()
          print(packet, &printer, interfaceName: "", into: &out)
          #expect(out.last == UInt8(ascii: "\n"))
          guard format == .json else { continue }
          let text = out.text
          #expect(throws: Never.self, "\(text)") { try JSONSerialization.jsonObject(with: Data(text.utf8)) }
        }
      }
    }
  }
}

/// Where tcpdump goes on and we do not: docs/internals/packet-text.md, "What differs".
enum Dissection {
  /// Why a line that is not tcpdump's is accepted; nil where it is not.
  /// - Parameter isDated: lines begin with a date (`-tttt`).
  static func reason(ours: String, theirs: String, isDated: Bool = false) -> String? {
    if theirs.contains("[Invalid header: len") { return "length less than what was captured" }
    // Fractions of a second, or years, that no clock has.
    if isDated, let (ours, theirs) = withoutImpossibleTime(ours, theirs) {
      return ours == theirs ? "time" : reason(ours: ours, theirs: theirs)
    }
    // An entry of a route or of timestamps that the option's length cuts: tcpdump reads it from what follows the option.
    if let mark = ours.range(of: "[bad length "), ours[..<mark.lowerBound].contains(", options ("),
      theirs.hasPrefix(ours[..<mark.upperBound])
    {
      return "cut entry of an option"
    }
    if ours.contains(": Flags [") || ours.contains(": tcp ") {
      guard let tcp = ours.firstMatch(of: /\.([0-9]+) > \S+\.([0-9]+): (?:Flags|tcp )/) else { return nil }
      guard [": ", " ", ", ", "\n"].contains(where: { theirs.hasPrefix(ours + $0) }) else { return nil }
      return tcpPorts.contains(port(tcp.1)) || tcpPorts.contains(port(tcp.2)) || theirs.hasPrefix(ours + " [|")
        ? "TCP's data" : nil
    }
    if let end = ours.range(of: "UDP, ", options: .backwards)?.lowerBound {
      let head = ours[..<end]
      guard let udp = head.firstMatch(of: #/([0-9]+) > (?:\S+\.)?([0-9]+): (\[[^\]]*\] )?$/#) else { return nil }
      let ports = [port(udp.1), port(udp.2)]
      guard ports.contains(where: { udpPorts.contains($0) }) else { return nil }
      // Without a word about the checksum.
      let isNFS = ports.contains(2049)
      return theirs.hasPrefix(isNFS ? head[..<(udp.3?.startIndex ?? end)] : head) ? "UDP's data" : nil
    }
    // A short line: the name and the length stand for what tcpdump says.
    if let end = ours.range(of: ", length ", options: .backwards), ours[end.upperBound...].allSatisfy(\.isNumber) {
      let head = ours[..<end.lowerBound]
      let name = names.first { name in head.hasSuffix(name) && " \t".contains(head.dropLast(name.count).last ?? "?") }
      guard let name else { return verbose(ours: ours, theirs: theirs) }
      // Within MACsec is another Ethernet type, from which tcpdump goes on as if there was nothing before it.
      let start = head.dropLast(name.count)
      return theirs.hasPrefix(start) || name == "802.1AE MACsec" && !ours.contains("ethertype") ? name : nil
    }
    return verbose(ours: ours, theirs: theirs)
  }

  /// One line of ours is more than one of tcpdump's with -v, or ends before fields that only that shows.
  private static func verbose(ours: String, theirs: String) -> String? {
    if theirs.hasPrefix(ours), ours.contains(#/OSPFv[23], /#) { return "OSPF with -v" }
    if theirs.hasPrefix(ours + ", ") || theirs == ours + " [|vrrp]", ours.contains(#/VRRPv[23], /#) {
      return "VRRP with -v"
    }
    guard let pim = ours.firstMatch(of: /PIMv2, ([A-Za-z \/]+), length ([0-9]+)$/) else { return nil }
    let start = ours[..<pim.range.lowerBound]
    return theirs.hasPrefix(start + "PIMv2, length \(pim.2)\n\t\(pim.1)") ? "PIM with -v" : nil
  }

  private static func withoutImpossibleTime(_ ours: String, _ theirs: String) -> (String, String)? {
    let time = #/^( {0,4}[0-9]+  )(?:[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8}\.[0-9]{6}) /#
    let impossible =
      #/^( {0,4}[0-9]+  )(?:[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8}\.[0-9]{7,}|\[Error converting time\]) /#
    guard theirs.contains(impossible), ours.contains(time) else { return nil }
    return (ours.replacing(time) { $0.1 }, theirs.replacing(impossible) { $0.1 })
  }

  private static func port(_ text: Substring) -> Int { Int(text) ?? 0 }

  /// Ports whose data tcpdump dissects.
  private static let tcpPorts: Set = [
    21, 22, 23, 25, 43, 53, 80, 139, 179, 323, 445, 554, 639, 646, 1723, 2049, 6379, 6633, 6653, 8080, 8554, 10288,
  ]
  private static let udpPorts: Set<Int> = Set([
    53, 67, 68, 69, 88, 123, 137, 138, 161, 162, 319, 320, 496, 500, 514, 520, 521, 525, 546, 547, 646, 654, 698, 701,
    750, 921, 1589, 1645, 1646, 1700, 1701, 1812, 1813, 1985, 2049, 2103, 2104, 3456, 3503, 3784, 3785, 3799, 4342,
    4500,
    4567, 4784, 4789, 4790, 5060, 5353, 5359, 6081, 6343, 6635, 6696, 6697, 6784, 7500, 8231, 8472, 8500, 12222, 12223,
    17754, 30490, 49152,
  ]).union(7000...7009)

  /// Protocols that have a short line here.
  private static let names = [
    // EtherTypes.
    "802.1AE MACsec", "DN", "Appletalk", "Appletalk ARP", "IPX", "PPP", "MPCP", "Slow Protocols", "MPLS unicast",
    "MPLS multicast", "PPPoE D", "PPPoE S", "PPPoE", "EAPOL", "Realtek protocols", "MS NLB heartbeat", "Jumbo", "NSH",
    "Loopback", "OSI", "GRE-OSI", "CFM (old)", "CFM", "LLDP", "TIPC", "GeoNet (old)", "GeoNet", "CALM FAST", "AoE",
    "PTP",
    "Arista Vendor Specific Protocol",
    // LLC and SNAP.
    "STP", "UDLD", "CDP", "VTP", "DTP", "Ethernet + FCS", "Ethernet w/o FCS",
    // IP's protocols.
    "sctp", "DCCP", "EGP", "IGRP", "RSVP", "Mobile IP", "Mobile IP (old)", "EIGRP", "PGM", "Mobility", "igmp dvmrp",
    "igmp pimv1", "mresp", "mtrace",
  ]
}
