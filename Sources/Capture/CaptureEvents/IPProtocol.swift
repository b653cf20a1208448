/// The numbers of IP's protocol and next-header fields that matter here, and the names that tcpdump gives to those it
/// knows.
enum IPProtocol {
  static let hopByHopOptions: UInt8 = 0
  static let icmp: UInt8 = 1
  static let tcp: UInt8 = 6
  static let udp: UInt8 = 17
  static let dccp: UInt8 = 33
  static let routing: UInt8 = 43
  static let fragment: UInt8 = 44
  static let authentication: UInt8 = 51
  static let icmpv6: UInt8 = 58
  static let noNextHeader: UInt8 = 59
  static let destinationOptions: UInt8 = 60
  static let sctp: UInt8 = 132

  static func name(_ number: UInt8) -> StaticString? {
    switch number {
    case hopByHopOptions: "Options"
    case icmp: "ICMP"
    case 2: "IGMP"
    case 4: "IPIP"
    case tcp: "TCP"
    case 8: "EGP"
    case 9: "IGRP"
    case udp: "UDP"
    case dccp: "DCCP"
    case 41: "IPv6"
    case routing: "Routing"
    case fragment: "Fragment"
    case 46: "RSVP"
    case 47: "GRE"
    case 50: "ESP"
    case authentication: "AH"
    case icmpv6: "ICMPv6"
    case 88: "EIGRP"
    case 89: "OSPF"
    case 103: "PIM"
    case 112: "VRRP"
    case 113: "PGM"
    case sctp: "SCTP"
    case 135: "Mobility"
    case 143: "Ethernet"
    default: nil
    }
  }
}
