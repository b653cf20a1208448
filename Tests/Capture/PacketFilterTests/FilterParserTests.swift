import PacketFilter
import Testing

/// What is no filter, and where it goes wrong. libpcap 1.10.3 refuses all of these, too, unless a remark says otherwise.
@Suite struct FilterParserTests {
  static let names = FilterNames(
    port: { name in
      let known: [String: (UInt16, FilterNames.Transport)] = [
        "http": (80, .tcp), "ntp": (123, .udp), "domain": (53, .both),
      ]
      return known[name].map { (number: $0.0, transport: $0.1) }
    },
    addresses: { name in
      switch name {
      case "localhost": .success([[127, 0, 0, 1], [UInt8](repeating: 0, count: 15) + [1]])
      case "silent": .failure(FilterNames.Unanswered(reason: "no name server answers"))
      default: .success([])
      }
    },
    network: { $0 == "loopback" ? 127 : nil })

  private func refusal(_ expression: String) -> FilterError? {
    do throws(FilterError) {
      _ = try PacketFilter(expression, isExact: true, names: Self.names)
      return nil
    } catch { return error }
  }

  @Test(arguments: [
    ("tcp prot 443", 5, "expected 'and', 'or' or the end, found 'prot'"),
    ("tcp port", 9, "expected a port's number or name, found the end"),
    ("host", 5, "expected a host's name or address"), ("(tcp or udp", 12, "expected ')', 'and' or 'or'"),
    ("tcp)", 4, "expected 'and', 'or' or the end"), ("()", 2, "expected something to filter by"),
    ("tcp and", 8, "expected something to filter by"), ("tcp[20", 7, "expected ']', ':' or an operation"),
    ("tcp[0:3] = 1", 7, "1, 2 or 4 bytes, not 3"), ("ip[0]", 6, "expected a relation"), ("ip = 5", 4, "found '='"),
    ("10.0.0.1", 1, "expected something to filter by"), ("tcp and 80", 9, "nothing before says"),
    ("port 70000", 6, "the highest is 65535"), ("port 08", 6, "octal"), ("len > 0x100000000", 7, "32 bits"),
    ("port 80-90", 6, "no service named '80-90'"), ("port nosuchservice", 6, "no service named 'nosuchservice'"),
    ("udp port http", 10, "tcp only"), ("host 256.1.1.1", 6, "255 at most"), ("host nosuchhost", 6, "no host named"),
    ("net 10.1.0.0/8", 5, "/8 leaves to the hosts"), ("net 10.0.0.0/33", 5, "32 bits at most"),
    ("net 2001:db8::1/32", 5, "/32 leaves to the hosts"), ("host 10.0.0.0/8", 6, "write 'net'"),
    ("tcp host 1.2.3.4", 10, "'tcp' has no IPv4 addresses"), ("ip host ::1", 9, "'ip' has no IPv6 addresses"),
    ("host 1:2:3:4:5:6", 6, "wants 'ether' before it"), ("ip proto tcp", 10, "'\\tcp'"),
    ("arp proto 1", 11, "carries no other protocol"), ("vlan 4096", 1, "the highest number is 4095"),
    ("ip[0] / 0 = 1", 7, "division by zero"), ("ip[0] << 32 = 1", 7, "more than 31 bits"),
    ("ip and arp", 1, "no packet"),
    ("5 = 6", 1, "no packet"), ("tcp and \u{7}", 9, "begins nothing"), ("gateway foo", 1, "left out"),
    ("ah[0] = 1", 1, "cannot be taken"), ("inbound", 1, "-Q in"), ("host net 10", 6, "a host's name or address"),
    ("tcp port 80 90", 13, "'and', 'or' or the end"),
    // libpcap takes these.
    ("mpls", 1, "not known here"), ("ip broadcast", 1, "netmask"),
  ])
  func namesPlaceAndReason(expression: String, column: Int, message: String) throws {
    let error = try #require(refusal(expression))
    #expect(error.range.lowerBound + 1 == column, "\(error)")
    #expect(error.message.contains(message), "\(error)")
  }

  @Test func marksThePlace() throws {
    let error = try #require(refusal("tcp port 80 and host 1.2.3.4/24 or udp"))
    #expect(
      error.report.split(separator: "\n").dropFirst().joined(separator: "\n") == """
          tcp port 80 and host 1.2.3.4/24 or udp
                               ^^^^^^^^^^
        """)
    // Of a long one only what is near.
    let long = try #require(
      refusal(String(repeating: "tcp or ", count: 1000) + "port x" + String(repeating: " or tcp", count: 1000)))
    let lines = long.report.split(separator: "\n")
    #expect(lines.count == 3 && lines[1].contains("port x") && lines.allSatisfy { $0.utf8.count < 100 })
  }

  @Test(arguments: [
    "", "  ", "tcp", "port 80 or 443", "port (80 or 443)", "port (80 or (90 and 100))", "port 80 or (90 and 100)",
    "port 80 and not 90", "port 80 and ((host 1.2.3.4) and 90)", "not tcp port 80 and 90", "not (tcp and udp)",
    "! ! ip", "((tcp) or (udp))", "ip||arp",
    "src or dst port 5", "dst and src host 1.2.3.4", "tcp src port 5", "src 10.0.0.1 or 10.0.0.2", "host 1.2", "net 10",
    "net 192.168.1.0 mask 255.255.255.0", "net loopback", "host localhost", "ip6 host localhost", "host 0",
    "ether host 1:2:3:4:5:6", "ether src 0102.0304.0506", "ether host 01-02-03-04-05-06", "ether host 010203040506",
    "ip proto \\tcp", "ether proto \\arp", "ether proto 0x88cc", "proto 6", "vlan", "vlan 5 and ip", "vlan (5)",
    "vlan and vlan",
    "len > 100", "less 100", "greater 100", "len - 1 = 5", "tcp[tcpflags] & (tcp-syn|tcp-ack) != 0",
    "icmp[icmptype] = icmp-echo", "tcp[1:2 ]=3", "(ip[0]) = 0x45", "((ip[0])) = 0x45 and (((ip[0]) = 0x45))",
    "- - ip[0] < 70",
    "ip[ip[0] & 0xf:1] = 3", "8 - 4 - 2 = 2", "1 | 3 ^ 1 = 3", "7 % 4 * 2 = 7", "tcp[4 - 2:2] = 80",
    "portrange 20-http",
    "port 0x50", "tcp portrange 90-80", "host 2001:db8::1", "net fe80::/10", "ip6 multicast", "broadcast",
    "port 80 or (90) = 5",
  ])
  func takesWhatPcapTakes(expression: String) { #expect(refusal(expression) == nil) }

  /// Each names what it met and what could have stood there.
  @Test(arguments: [
    ("tcp port 99999999999999999999999", 10, "does not fit into 32 bits"), ("vlan 99999999999", 6, "32 bits"),
    ("tcp[99999999999] = 1", 5, "32 bits"), ("net 10.0.0.0/99999999999", 14, "32 bits"),
    ("net 10.0.0.1 mask 255.0.0.0", 5, "leaves to the hosts"), ("net 10.0.0.0 mask 255", 19, "a mask, such as"),
    ("net 2001:db8::/129", 5, "128 bits at most"), ("portrange 5-70000", 11, "the highest is 65535"),
    ("portrange 5-", 12, "'and', 'or' or the end, found '-'"), ("less -1", 6, "a number of bytes, found '-'"),
    ("host ::1::2", 9, "found '::2'"), ("tcp and \u{e9}", 9, "'\u{e9}' begins nothing"),
    ("tcp\0", 4, "begins nothing"), ("tcp \u{1f600}", 5, "begins nothing"), ("host \u{fffd}", 6, "begins nothing"),
    ("\\", 1, "begins nothing"), ("tcp ===5", 5, "'and', 'or' or the end, found '=='"),
    ("&& tcp", 1, "something to filter by"), ("port 80 and (((", 16, "found the end"),
    ("host silent", 6, "no name server answers"), ("tcp proto 6", 11, "carries no other protocol"),
    ("ether protochain 6", 18, "carries no other protocol"), ("ip protochain tcp", 15, "'\\tcp'"),
  ])
  func badInputIsNamed(expression: String, column: Int, message: String) throws {
    let error = try #require(refusal(expression))
    #expect(error.range.lowerBound + 1 == column, "\(error)")
    #expect(error.message.contains(message), "\(error)")
    #expect(error.report.unicodeScalars.allSatisfy { $0 == "\n" || $0.value >= 0x20 }, "\(error)")
  }

  /// 64 KiB of what could take long, or be deep: an error or a filter, and soon.
  @Test func longInputIsTakenOrRefusedSoon() throws {
    let byteCount = 1 << 16
    let start = ContinuousClock.now
    for part in ["x", "9", ":", "a:", "aaaa:", "1.", "-", "\\", " ", "\0", "\u{e9}"] {
      let error = refusal("host " + String(repeating: part, count: byteCount / part.utf8.count))
      #expect(error.map { $0.report.utf8.count < 1000 } ?? false, "\(part)")
    }
    for part in ["not ", "(", "ip["] {
      let error = try #require(refusal(String(repeating: part, count: byteCount / part.utf8.count) + "tcp"))
      #expect(error.message.contains("levels deep"), "\(part): \(error.message)")
    }
    #expect(refusal(String(repeating: "tcp or ", count: byteCount / 7) + "udp") == nil)
    #expect(ContinuousClock.now - start < .seconds(60))
  }

  @Test func deepNestingIsRefused() throws {
    let open = String(repeating: "(", count: 1000)
    let close = String(repeating: ")", count: 1000)
    #expect(try #require(refusal(open + "tcp" + close)).message.contains("levels deep"))
    #expect(try #require(refusal(String(repeating: "not ", count: 1000) + "tcp")).message.contains("levels deep"))
    #expect(try #require(refusal(open + "1" + close + " = 1")).message.contains("levels deep"))
    #expect(
      try #require(refusal(String(repeating: "ip[", count: 1000) + "0" + String(repeating: "]", count: 1000) + " = 1"))
        .message.contains("levels deep"))
    #expect(try #require(refusal(String(repeating: "1 + ", count: 1000) + "1 = 1")).message.contains("in a row"))
    #expect(refusal(String(repeating: "(", count: 100) + "tcp" + String(repeating: ")", count: 100)) == nil)
  }
}
