/// The numbers of IP's protocol and next-header fields that matter here, and the names that tcpdump gives to those it
/// knows.
enum IPProtocol {
  static let hopByHopOptions: UInt8 = 0
  static let icmp: UInt8 = 1
  static let igmp: UInt8 = 2
  static let ipv4: UInt8 = 4
  static let tcp: UInt8 = 6
  static let udp: UInt8 = 17
  static let dccp: UInt8 = 33
  static let ipv6: UInt8 = 41
  static let routing: UInt8 = 43
  static let fragment: UInt8 = 44
  static let gre: UInt8 = 47
  static let encapsulatingSecurity: UInt8 = 50
  static let authentication: UInt8 = 51
  static let icmpv6: UInt8 = 58
  static let noNextHeader: UInt8 = 59
  static let destinationOptions: UInt8 = 60
  static let netDisk: UInt8 = 77
  static let ospf: UInt8 = 89
  static let pim: UInt8 = 103
  static let compression: UInt8 = 108
  static let vrrp: UInt8 = 112
  static let sctp: UInt8 = 132
  static let ethernet: UInt8 = 143

  static func name(_ number: UInt8) -> StaticString? {
    switch number {
    case hopByHopOptions: "Options"
    case icmp: "ICMP"
    case igmp: "IGMP"
    case ipv4: "IPIP"
    case tcp: "TCP"
    case 8: "EGP"
    case 9: "IGRP"
    case udp: "UDP"
    case dccp: "DCCP"
    case ipv6: "IPv6"
    case routing: "Routing"
    case fragment: "Fragment"
    case 46: "RSVP"
    case gre: "GRE"
    case encapsulatingSecurity: "ESP"
    case authentication: "AH"
    case 55: "Mobile IP"
    case icmpv6: "ICMPv6"
    case 62: "Mobile IP (old)"
    case 88: "EIGRP"
    case ospf: "OSPF"
    case pim: "PIM"
    case compression: "Compressed IP"
    case vrrp: "VRRP"
    case 113: "PGM"
    case sctp: "SCTP"
    case 135: "Mobility"
    case ethernet: "Ethernet"
    default: nil
    }
  }
}
