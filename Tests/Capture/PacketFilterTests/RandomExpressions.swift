import SeededRandom

/// Filters from a grammar: what pcap-filter(7) has for Ethernet and IP.
struct RandomExpressions {
  private var random: SeededGenerator

  /// Whether what is computed may have bytes of the packet on both sides of an operation.
  private let combinesAccesses: Bool

  init(seed: UInt64, combinesAccesses: Bool = true) {
    random = SeededGenerator(seed: seed)
    self.combinesAccesses = combinesAccesses
  }

  mutating func next() -> String { expression(3) }

  private mutating func one(_ words: [String]) -> String { words.randomElement(using: &random)! }
  private mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }

  private mutating func expression(_ depth: Int) -> String {
    if depth <= 0 || chance(35) { return primitive() }
    if chance(15) { return one(["not ", "! "]) + expression(depth - 1) }
    if chance(20) { return "(" + expression(depth - 1) + ")" }
    let operation = one([" and ", " or ", " && ", " || "])
    if chance(15) { return one(["port ", "tcp dst port "]) + one(["80", "443"]) + operation + one(["53", "80"]) }
    if chance(10) { return one(["host ", "src host "]) + "10.0.0.1" + operation + one(["10.0.0.2", "224.0.0.1"]) }
    return expression(depth - 1) + operation + expression(depth - 1)
  }

  private mutating func primitive() -> String {
    switch Int.random(in: 0..<100, using: &random) {
    case ..<25:
      one(["ip", "ip6", "arp", "rarp", "tcp", "udp", "icmp", "icmp6", "sctp", "igmp", "ah", "esp", "pim", "vrrp"])
    case ..<50: identity()
    case ..<53:
      one(["ip ", "ip6 ", ""]) + "protochain "
        + one(["6", "17", "\\tcp", "\\udp", "58", "0", "44", "51", "59", "43", "132"])
    case ..<59:
      one(["ip proto ", "ip6 proto ", "proto "]) + one(["6", "17", "\\tcp", "\\udp", "1", "58", "0", "44", "51", "59"])
    case ..<63:
      "ether proto " + one(["0x800", "\\ip", "\\arp", "0x86dd", "0x8100", "66", "0xfe", "0xaa", "1501", "6"])
    case ..<69: one(["vlan", "vlan 3", "vlan 5", "vlan 100"])
    case ..<74: one(["broadcast", "multicast", "ether broadcast", "ip multicast", "ip6 multicast"])
    case ..<78: one(["less ", "greater "]) + one(["60", "80", "100", "54"])
    default: arithmetic(2) + " " + one(["=", "==", "!=", ">", "<", ">=", "<="]) + " " + arithmetic(1)
    }
  }

  private mutating func identity() -> String {
    let direction = one(["", "", "src ", "dst ", "src or dst ", "src and dst "])
    switch Int.random(in: 0..<100, using: &random) {
    case ..<35:
      return one(["", "", "", "ip ", "ip6 ", "arp "]) + direction + "host "
        + one(["10.0.0.1", "10.0.0.2", "192.168.1.1", "2001:db8::1", "fe80::1", "::1", "10.1.2.3"])
    case ..<50:
      return one(["", "ip ", "ip6 "]) + direction + "net "
        + one([
          "10", "10.0.0.0/8", "10.1", "10.0.0.0/30", "2001:db8::/32", "fe80::/10", "0.0.0.0/0",
          "192.168.0.0 mask 255.255.0.0",
        ])
    case ..<75: return one(["", "tcp ", "udp ", "sctp "]) + direction + "port " + one(["80", "443", "53", "123", "0"])
    case ..<85:
      return one(["", "tcp ", "udp "]) + direction + "portrange "
        + one(["0-100", "80-443", "443-80", "1000-65535", "20"])
    default:
      return "ether " + one(["", "src ", "dst "]) + "host "
        + one(["01:02:03:04:05:06", "ff:ff:ff:ff:ff:ff", "2:0:0:0:0:1"])
    }
  }

  private mutating func arithmetic(_ depth: Int) -> String {
    if depth <= 0 || chance(40) { return one([number(), "len", access(0), access(0), "tcp-syn"]) }
    if chance(20) { return access(depth - 1) }
    let operation = one(["+", "-", "*", "&", "|", "^", "<<", ">>", "/", "%"])
    let isRisky = ["<<", ">>", "/", "%"].contains(operation)
    guard combinesAccesses else { return access(0) + " \(operation) " + one(["1", "2", "3", "5"]) }
    return arithmetic(depth - 1) + " \(operation) " + (isRisky ? one(["1", "2", "3", "5"]) : arithmetic(depth - 1))
  }

  private mutating func access(_ depth: Int) -> String {
    let index =
      depth <= 0 || chance(80)
      ? one(["0", "1", "2", "6", "9", "12", "13", "16", "20", "tcpflags"]) : arithmetic(depth - 1)
    return one(["ether", "ip", "ip", "ip6", "arp", "tcp", "tcp", "udp", "icmp", "icmp6", "sctp"]) + "[\(index)"
      + one(["", ":1", ":2", ":4"]) + "]"
  }

  private mutating func number() -> String {
    one(["0", "1", "2", "5", "6", "8", "13", "16", "20", "255", "0x10", "1500", "100", "80", "65535"])
  }
}
