/// The numbers of ICMP's type field (RFC 792, 950, 1256), and the names that tcpdump gives to those it knows.
enum ICMPType {
  static let echoReply: UInt8 = 0
  static let unreachable: UInt8 = 3
  static let sourceQuench: UInt8 = 4
  static let redirect: UInt8 = 5
  static let echoRequest: UInt8 = 8
  static let routerAdvertisement: UInt8 = 9
  static let timeExceeded: UInt8 = 11
  static let parameterProblem: UInt8 = 12
  static let timestampRequest: UInt8 = 13
  static let timestampReply: UInt8 = 14
  static let informationRequest: UInt8 = 15
  static let informationReply: UInt8 = 16
  static let addressMaskRequest: UInt8 = 17
  static let addressMaskReply: UInt8 = 18

  static func name(_ type: UInt8) -> StaticString? {
    switch type {
    case echoReply: "echo reply"
    case unreachable: "destination unreachable"
    case sourceQuench: "source quench"
    case redirect: "redirect"
    case echoRequest: "echo request"
    case routerAdvertisement: "router advertisement"
    case 10: "router solicitation"
    case timeExceeded: "time exceeded"
    case parameterProblem: "parameter problem"
    case timestampRequest: "time stamp request"
    case timestampReply: "time stamp reply"
    case informationRequest: "information request"
    case informationReply: "information reply"
    case addressMaskRequest: "address mask request"
    case addressMaskReply: "address mask reply"
    default: nil
    }
  }

  /// These quote the packet that they are about, from their ninth byte on.
  static func isError(_ type: UInt8) -> Bool {
    switch type {
    case unreachable, sourceQuench, redirect, timeExceeded, parameterProblem: true
    default: false
    }
  }

  /// Behind the quoted packet of these there may be more (RFC 4884).
  static func hasExtensions(_ type: UInt8) -> Bool {
    type == unreachable || type == timeExceeded || type == parameterProblem
  }
}
