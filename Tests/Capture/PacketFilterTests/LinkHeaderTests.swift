import JudgePrograms
import PacketFilter
import Testing

/// Filters for links other than Ethernet's: what tcpdump refuses for a file of the link is refused, and packets that are given
/// with an Ethernet header before them are taken by what they have behind it.
@Suite struct LinkHeaderTests {
  private static let linkTypes: [(FilterLinkHeader, UInt32)] = [
    (.ethernet, 1), (.ip, 101), (.ip, 0), (.ip, 108), (.ipv4, 228), (.ipv6, 229), (.cooked, 113), (.cooked, 276),
  ]

  private static let expressions = [
    "ip", "ip6", "arp", "rarp", "arp[0] = 1", "tcp", "port 80", "host 10.0.0.1", "host 2001:db8::1", "net 10",
    "ether host 1:2:3:4:5:6", "ether src 1:2:3:4:5:6", "vlan", "vlan 5", "ip and vlan 5", "broadcast",
    "ether broadcast",
    "multicast", "ether multicast", "ip multicast", "ip6 multicast", "ip broadcast", "ether proto 0x800",
    "ether proto \\arp", "ether proto 0x88cc", "ether proto \\ip6", "tcp[13] = 2", "icmp6[0] = 135", "protochain 6",
    "ip proto 6", "gateway foo", "less 100",
  ]

  @Test(arguments: linkTypes.indices)
  func refusesWhatTcpdumpRefuses(index: Int) throws {
    let (linkHeader, linkType) = Self.linkTypes[index]
    let head: [UInt32] = [0xa1b2_c3d4, 0x0004_0002, 0, 0, 262144, linkType]
    let file = head.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } }
    for expression in Self.expressions {
      let theirs = try? Judge.tcpdump.run(["-r", "frames", "-d", "--", expression], files: ["frames": file])
      let ours = try? PacketFilter(expression, isExact: true, linkHeader: linkHeader, netmask: 0)
      #expect((theirs == nil) == (ours == nil), "\(linkHeader) (link type \(linkType)): \(expression)")
    }
  }

  @Test func saysWhyEthernetIsRefused() throws {
    for expression in [
      "tcp and ether host 1:2:3:4:5:6", "vlan", "ether[0] & 1 = 0", "ip[ether[0]] = 1", "len = -ether[3]",
    ] {
      let error = try #require(throws: FilterError.self) { _ = try PacketFilter(expression, linkHeader: .cooked) }
      #expect(error.message.contains("on a link of Linux's cooked form"), "\(error)")
    }
    // The type is there.
    _ = try PacketFilter("ether proto \\arp", linkHeader: .cooked)
  }

  @Test func takesPacketsBehindAnEthernetHeader() throws {
    let zeros = [UInt8](repeating: 0, count: 12)
    let ipv4 = zeros + [8, 0, 0x45, 0, 0, 24, 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0, 80, 0, 90]
    let ipv6 =
      zeros + [0x86, 0xdd, 0x60, 0, 0, 0, 0, 4, 6, 64] + [UInt8](repeating: 0, count: 32) + [0, 80, 0, 90]
    for (linkHeader, expected) in [(FilterLinkHeader.ip, Set([0, 1])), (.ipv4, [0]), (.ipv6, [1]), (.cooked, [0, 1])] {
      for isExact in [true, false] {
        let filter = try PacketFilter("port 80", isExact: isExact, linkHeader: linkHeader)
        // A file of one version has only packets of that.
        #expect(try filter.taken(of: [ipv4, ipv6]).intersection(expected) == expected, "\(linkHeader)")
      }
    }
    #expect(try PacketFilter("host 10.0.0.1", linkHeader: .ip).explanation.terms == ["IPv4 from or to 10.0.0.1"])
  }
}
