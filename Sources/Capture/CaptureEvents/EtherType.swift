/// The numbers of the EtherType field that matter here, and the names that tcpdump gives to those it knows.
enum EtherType {
  static let ipv4: UInt16 = 0x0800
  static let ipv6: UInt16 = 0x86dd
  static let arp: UInt16 = 0x0806
  static let reverseARP: UInt16 = 0x8035

  static let vlan: UInt16 = 0x8100
  /// What is not above it is no type but a length (IEEE 802.3).
  static let maximumLength: UInt16 = 1500
  /// In Linux's cooked headers, of frames that begin with LLC.
  static let linuxLLC: UInt16 = 4

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
    case vlan: "802.1Q"
    case 0x88a8: "802.1Q-QinQ"
    case 0x9100: "802.1Q-9100"
    case 0x9200: "802.1Q-9200"
    case 0x88e5: "802.1AE MACsec"
    case 0x0200: "PUP"
    case arp: "ARP"
    case reverseARP: "Reverse ARP"
    case 0x0600: "NS"
    case 0x0500: "Sprite"
    case 0x1000: "Trail"
    case 0x6001: "MOP DL"
    case 0x6002: "MOP RC"
    case 0x6003: "DN"
    case 0x6004: "LAT"
    case 0x6007: "SCA"
    case 0x6558: "TEB"
    case 0x8038: "Lanbridge"
    case 0x803c: "DEC DNS"
    case 0x803e: "DEC DTS"
    case 0x805b: "VEXP"
    case 0x805c: "VPROD"
    case 0x809b: "Appletalk"
    case 0x80f3: "Appletalk ARP"
    case 0x8137: "IPX"
    case 0x880b: "PPP"
    case 0x8808: "MPCP"
    case 0x8809: "Slow Protocols"
    case 0x8847: "MPLS unicast"
    case 0x8848: "MPLS multicast"
    case 0x8863: "PPPoE D"
    case 0x8864: "PPPoE S"
    case 0x888e: "EAPOL"
    case 0x8899: "Realtek protocols"
    case 0x886f: "MS NLB heartbeat"
    case 0x8870: "Jumbo"
    case 0x894f: "NSH"
    case 0x9000: "Loopback"
    case 0xfefe: "OSI"
    case 0x00fe: "GRE-OSI"
    case 0xabcd: "CFM (old)"
    case 0x8902: "CFM"
    case 0x893a: "IEEE1905.1"
    case 0x88cc: "LLDP"
    case 0x88ca: "TIPC"
    case 0x0707: "GeoNet (old)"
    case 0x8947: "GeoNet"
    case 0x1111: "CALM FAST"
    case 0x88a2: "AoE"
    case 0x88f7: "PTP"
    case 0xd28b: "Arista Vendor Specific Protocol"
    default: nil
    }
  }
  /// tcpdump goes on behind the type. Without that, it prints the header and dumps the rest.
  static func isDissected(_ type: UInt16) -> Bool {
    switch type {
    case ipv4, ipv6, arp, reverseARP, 0x88e5, 0x6003, 0x809b, 0x80f3, 0x8137, 0x880b, 0x8808, 0x8809, 0x8847, 0x8848,
      0x8863, 0x8864, 0x3c12, 0x3c13, 0x888e, 0x8899, 0x886f, 0x8870, 0x894f, 0x9000, 0xfefe, 0xabcd, 0x8902, 0x88cc,
      0x88ca, 0x0707, 0x8947, 0x1111, 0x88a2, 0x88f7, 0xd28b:
      true
    default: false
    }
  }
}
