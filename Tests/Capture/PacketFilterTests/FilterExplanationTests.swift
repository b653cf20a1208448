import PacketFilter
import Testing

/// What is said of filters, and that it is true.
@Suite struct FilterExplanationTests {
  private func explanation(_ expression: String, isExact: Bool = false) throws -> FilterExplanation {
    try PacketFilter(
      expression, isExact: isExact, netmask: 0xffff_ff00, names: FilterParserTests.names
    ).explanation
  }

  @Test(
    arguments: [
      ("", ["every packet"]),
      ("tcp", ["TCP (protocol 6) over IPv4 or IPv6"]),
      ("icmp6 or arp", ["any of:", "  ICMPv6 (protocol 58) over IPv6", "  ARP"]),
      ("tcp port http", ["TCP from or to port 80 (http)"]),
      (
        "port 80 or 443 and not src host 10.0.0.1",
        [
          "all of:", "  any of:", "    TCP, UDP or SCTP from or to port 80", "    TCP, UDP or SCTP from or to port 443",
          "  not:", "    IPv4, ARP or RARP from 10.0.0.1",
        ]
      ),
      (
        "port 80 or (port 443 and not src host 10.0.0.1)",
        [
          "any of:", "  TCP, UDP or SCTP from or to port 80", "  all of:", "    TCP, UDP or SCTP from or to port 443",
          "    not:", "      IPv4, ARP or RARP from 10.0.0.1",
        ]
      ),
      ("host localhost", ["IPv4, ARP or RARP from or to 127.0.0.1 or IPv6 from or to ::1 (localhost)"]),
      ("ip6 host localhost", ["IPv6 from or to ::1 (localhost)"]),
      ("src and dst net 10.1", ["IPv4, ARP or RARP both from and to 10.1.0.0/16"]),
      ("net 10.0.0.0 mask 255.0.255.0", ["IPv4, ARP or RARP from or to 10.0.0.0 mask 255.0.255.0"]),
      ("dst net 2001:db8::/32", ["IPv6 to 2001:db8::/32"]),
      ("host 1:0:0:2:0:0:0:3", ["IPv6 from or to 1:0:0:2::3"]),
      ("net loopback", ["IPv4, ARP or RARP from or to 127.0.0.0/8 (loopback)"]),
      ("udp portrange 90-domain", ["UDP from or to a port of 53 to 90 (90-domain)"]),
      ("ether src 1:2:3:a:b:c", ["frames from 01:02:03:0a:0b:0c"]),
      ("ether proto \\arp", ["EtherType 0x806 (arp)"]),
      ("ether proto 0x42", ["a header of 802.2, whose service access point is 0x42"]),
      ("ip proto \\icmp", ["protocol 1 (icmp) over IPv4"]),
      ("ip6 protochain 6", ["protocol 6 among the headers that follow IPv6"]),
      ("vlan and vlan 5", ["all of:", "  a VLAN tag", "  a VLAN tag of VLAN 5, as tag number 2"]),
      (
        "less 100 and greater 60",
        ["all of:", "  at most 100 bytes long on the wire", "  at least 60 bytes long on the wire"]
      ),
      (
        "broadcast or ip6 multicast",
        ["any of:", "  frames to ff:ff:ff:ff:ff:ff, which is everybody", "  IPv6 to a group (ff00::/8)"]
      ),
      ("ip broadcast", ["IPv4 to an address whose bits of the host are all 0 or all 1 (netmask 255.255.255.0)"]),
      ("tcp[tcpflags] & (tcp-syn|tcp-ack) != 0", ["TCP over IPv4 or IPv6 with tcp[13] & (2 | 16) != 0"]),
      ("icmp[icmptype] = icmp-echo", ["ICMP over IPv4 with icmp[0] = 8"]),
      ("len - ether[0:2] > -1 * ip[2:2]", ["IPv4 with len - ether[0:2] > -1 * ip[2:2]"]),
    ] as [(String, [String])])
  func putsTermsIntoWords(expression: String, lines: [String]) throws {
    #expect(try explanation(expression).terms == lines)
  }

  @Test func libpcapsMeaningIsSaid() throws {
    let exact = try explanation("tcp or vlan 5 and udp[0] = 1", isExact: true)
    #expect(
      "\(exact)" == """
        takes, with libpcap's meaning
          all of:
            any of:
              TCP (protocol 6) over IPv4 or IPv6
              a VLAN tag of VLAN 5
            UDP over IPv4 with udp[0] = 1, behind 1 VLAN tag
        cannot see
          \(FilterLimit.taggedFrames.text)
          \(FilterLimit.otherTagCounts.text)
          \(FilterLimit.extensionHeaders.text)
          \(FilterLimit.bytesOverIPv6.text)
          \(FilterLimit.laterFragments.text)
          \(FilterLimit.tunnels.text)
          \(FilterLimit.missingBytes.text)
        """)
    #expect(try explanation("ether host 1:2:3:4:5:6 or less 64").limits.isEmpty)
    #expect(try !"\(explanation("vlan or less 64"))".contains("cannot see"))
  }

  @Test func deepOnesAreCounted() throws {
    let alternating = try explanation(String(repeating: "ip and udp or ", count: 4000) + "tcp").terms
    #expect(alternating.count < 100 && alternating.allSatisfy { $0.utf8.count < 150 })
    #expect(alternating.contains { $0.contains("more, joined more than") })
    let nested = String(repeating: "not (", count: 90) + "tcp" + String(repeating: ")", count: 90)
    #expect(try explanation(nested).terms.last?.contains("(1 more") == true)
  }

  /// For each kind that a filter is said not to see: a frame of it, which it does not take, and one beside it that it takes.
  private static let claims: [(FilterLimit, String, isExact: Bool, unseen: [UInt8], seen: [UInt8])] = {
    let (overIPv4, overIPv6) = (Frame.ipv4(6, Frame.tcp), Frame.ipv6(6, Frame.tcp))
    let (four, six): (UInt16, UInt16) = (0x0800, 0x86dd)
    return [
      (.taggedFrames, "tcp", true, Frame.ethernet(four, overIPv4, tags: 1), Frame.ethernet(four, overIPv4)),
      (
        .otherTagCounts, "vlan and tcp", true, Frame.ethernet(four, overIPv4, tags: 2),
        Frame.ethernet(four, overIPv4, tags: 1)
      ),
      (.moreTags, "tcp", false, Frame.ethernet(four, overIPv4, tags: 3), Frame.ethernet(four, overIPv4, tags: 2)),
      (
        .extensionHeaders, "tcp", true, Frame.ethernet(six, Frame.ipv6(60, Frame.options(6) + Frame.tcp)),
        Frame.ethernet(six, Frame.ipv6(44, Frame.fragment(6) + Frame.tcp))
      ),
      (
        .anyExtensionHeader, "port 80", true, Frame.ethernet(six, Frame.ipv6(44, Frame.fragment(6) + Frame.tcp)),
        Frame.ethernet(six, overIPv6)
      ),
      (
        .anyExtensionHeader, "icmp6[0] = 135", true,
        Frame.ethernet(six, Frame.ipv6(60, Frame.options(58) + [135, 0, 0, 0])),
        Frame.ethernet(six, Frame.ipv6(58, [135, 0, 0, 0]))
      ),
      (
        .moreExtensionHeaders, "tcp", false,
        Frame.ethernet(six, Frame.ipv6(60, Frame.options(6, count: 9) + Frame.tcp)),
        Frame.ethernet(six, Frame.ipv6(60, Frame.options(6, count: 8) + Frame.tcp))
      ),
      (
        .bytesOverIPv6, "tcp[13] = 2", true, Frame.ethernet(six, overIPv6),
        Frame.ethernet(four, overIPv4)
      ),
      (
        .laterFragments, "port 80", true, Frame.ethernet(four, Frame.ipv4(6, Frame.tcp, offset: 1)),
        Frame.ethernet(four, overIPv4)
      ),
      (
        .laterFragments, "udp[0:2] = 1234 or tcp[0:2] = 1234", false,
        Frame.ethernet(six, Frame.ipv6(44, Frame.fragment(6, offset: 1) + Frame.tcp)), Frame.ethernet(six, overIPv6)
      ),
      (
        .moreHeadersOfChain, "ip6 protochain 6", true,
        Frame.ethernet(six, Frame.ipv6(60, Frame.options(6, count: 9) + Frame.tcp)),
        Frame.ethernet(six, Frame.ipv6(60, Frame.options(6, count: 8) + Frame.tcp))
      ),
      (
        .behindAuthentication, "ip6 protochain 6", true,
        Frame.ethernet(six, Frame.ipv6(51, Frame.authentication(60) + Frame.options(6) + Frame.tcp)),
        Frame.ethernet(six, Frame.ipv6(60, Frame.options(51) + Frame.authentication(6) + Frame.tcp))
      ),
      (.tunnels, "tcp", false, Frame.ethernet(four, Frame.ipv4(4, overIPv4)), Frame.ethernet(four, overIPv4)),
      (
        .missingBytes, "not tcp[100] = 1", false, Frame.ethernet(four, overIPv4),
        Frame.ethernet(four, overIPv4 + [UInt8](repeating: 0, count: 100))
      ),
      (
        .missingBytes, "not host 10.0.0.7", true, Array(Frame.ethernet(four, overIPv4).prefix(30)),
        Frame.ethernet(four, overIPv4)
      ),
    ]
  }()

  @Test func whatIsSaidNotToBeSeenIsNot() throws {
    for (limit, expression, isExact, unseen, seen) in Self.claims {
      let filter = try PacketFilter(expression, isExact: isExact)
      #expect(filter.explanation.limits.contains(limit), "\(expression): \(limit)")
      #expect(try filter.taken(of: [unseen, seen]) == [1], "\(expression): \(limit)")
    }
    #expect(Set(Self.claims.map(\.0)) == Set(FilterLimit.allCases))
  }

  /// Where the default meaning sees what libpcap's does not, it does not say that it could not.
  @Test func whatIsNotSaidIsSeen() throws {
    for (limit, expression, isExact, unseen, _) in Self.claims where isExact {
      let filter = try PacketFilter(expression)
      guard !filter.explanation.limits.contains(limit), !expression.contains("vlan") else { continue }
      #expect(try filter.taken(of: [unseen]) == [0], "\(expression): \(limit)")
    }
  }

  private enum Frame {
    static func ethernet(_ type: UInt16, _ payload: [UInt8], tags: Int = 0) -> [UInt8] {
      let tag: [UInt8] = [0x81, 0, 0, 3]
      return [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2] + (0..<tags).flatMap { _ in tag }
        + [UInt8(type >> 8), UInt8(type & 0xff)] + payload
    }

    static func ipv4(_ number: UInt8, _ payload: [UInt8], offset: UInt8 = 0) -> [UInt8] {
      [0x45, 0, 0, UInt8(20 + payload.count), 0, 1, 0, offset, 64, number, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2] + payload
    }

    static func ipv6(_ next: UInt8, _ payload: [UInt8]) -> [UInt8] {
      let address: [UInt8] = [0x20, 0x01, 0x0d, 0xb8] + [UInt8](repeating: 0, count: 11)
      return [0x60, 0, 0, 0, 0, UInt8(payload.count), next, 64] + address + [1] + address + [2] + payload
    }

    static let tcp: [UInt8] = [4, 210, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 1, 0, 0, 0, 0, 0]

    static func options(_ next: UInt8, count: Int = 1) -> [UInt8] {
      (0..<count).flatMap { [$0 == count - 1 ? next : 60, 0, 1, 4, 0, 0, 0, 0] }
    }

    static func fragment(_ next: UInt8, offset: UInt8 = 0) -> [UInt8] { [next, 0, 0, 8 * offset | 1, 0, 0, 0, 7] }

    static func authentication(_ next: UInt8) -> [UInt8] { [next, 4] + [UInt8](repeating: 0, count: 22) }
  }
}
