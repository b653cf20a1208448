/// The numbers of the EtherType field that matter here, and the names that tcpdump gives to those it knows.
enum EtherType {
  static let ipv4: UInt16 = 0x0800
  static let ipv6: UInt16 = 0x86dd
  static let arp: UInt16 = 0x0806
  static let reverseARP: UInt16 = 0x8035

  /// 802.1Q, 802.1ad, and the two that were used for stacked tags before it.
  static func isTag(_ type: UInt16) -> Bool {
    switch type {
    case 0x8100, 0x88a8, 0x9100, 0x9200: true
    default: false
    }
  }

  static func name(_ type: UInt16) -> StaticString? {
    switch type {
    case ipv4: "IPv4"
    case ipv6: "IPv6"
    case 0x8100: "802.1Q"
    case 0x88a8: "802.1Q-QinQ"
    case 0x9100: "802.1Q-9100"
    case 0x9200: "802.1Q-9200"
    case arp: "ARP"
    case 0x6558: "TEB"
    case reverseARP: "Reverse ARP"
    case 0x8137: "IPX"
    case 0x8808: "MPCP"
    case 0x8809: "Slow Protocols"
    case 0x880b: "PPP"
    case 0x8847: "MPLS unicast"
    case 0x8848: "MPLS multicast"
    case 0x8863: "PPPoE D"
    case 0x8864: "PPPoE S"
    case 0x888e: "EAPOL"
    case 0x88a2: "AoE"
    case 0x88ca: "TIPC"
    case 0x88cc: "LLDP"
    case 0x88e5: "802.1AE MACsec"
    case 0x88f7: "PTP"
    case 0x8902: "CFM"
    case 0x894f: "NSH"
    case 0x9000: "Loopback"
    default: nil
    }
  }
}
