/// The numbers of ICMPv6's type field (RFC 4443 and those that followed), and the names that tcpdump gives to those it
/// knows.
enum ICMPv6Type {
  static let unreachable: UInt8 = 1
  static let packetTooBig: UInt8 = 2
  static let timeExceeded: UInt8 = 3
  static let parameterProblem: UInt8 = 4
  static let echoRequest: UInt8 = 128
  static let echoReply: UInt8 = 129
  static let listenerQuery: UInt8 = 130
  static let listenerReport: UInt8 = 131
  static let listenerDone: UInt8 = 132
  static let routerSolicitation: UInt8 = 133
  static let routerAdvertisement: UInt8 = 134
  static let neighbourSolicitation: UInt8 = 135
  static let neighbourAdvertisement: UInt8 = 136
  static let redirect: UInt8 = 137
  static let routerRenumbering: UInt8 = 138
  static let nodeInformationQuery: UInt8 = 139
  static let nodeInformationReply: UInt8 = 140
  static let inverseSolicitation: UInt8 = 141
  static let inverseAdvertisement: UInt8 = 142
  static let listenerReport2: UInt8 = 143
  static let homeAgentRequest: UInt8 = 144
  static let homeAgentReply: UInt8 = 145
  static let mobilePrefixSolicitation: UInt8 = 146
  static let mobilePrefixAdvertisement: UInt8 = 147
  static let routingProtocol: UInt8 = 155

  static func name(_ type: UInt8) -> StaticString? {
    switch type {
    case unreachable: "destination unreachable"
    case packetTooBig: "packet too big"
    case timeExceeded: "time exceeded in-transit"
    case parameterProblem: "parameter problem"
    case echoRequest: "echo request"
    case echoReply: "echo reply"
    case listenerQuery: "multicast listener query"
    case listenerReport: "multicast listener report"
    case listenerDone: "multicast listener done"
    case routerSolicitation: "router solicitation"
    case routerAdvertisement: "router advertisement"
    case neighbourSolicitation: "neighbor solicitation"
    case neighbourAdvertisement: "neighbor advertisement"
    case redirect: "redirect"
    case routerRenumbering: "router renumbering"
    case nodeInformationQuery: "who-are-you request"
    case nodeInformationReply: "who-are-you reply"
    case inverseSolicitation: "inverse neighbor solicitation"
    case inverseAdvertisement: "inverse neighbor advertisement"
    case listenerReport2: "multicast listener report v2"
    case homeAgentRequest: "ha discovery request"
    case homeAgentReply: "ha discovery reply"
    case mobilePrefixSolicitation: "mobile router solicitation"
    case mobilePrefixAdvertisement: "mobile router advertisement"
    case routingProtocol: "RPL"
    case 200: "mtrace response"
    case 201: "mtrace message"
    default: nil
    }
  }

  /// Errors quote the packet that they are about, from their ninth byte on (RFC 4443, 2.4).
  static func isError(_ type: UInt8) -> Bool { type >= unreachable && type <= parameterProblem }

  /// How many bytes of the message come before its options; nil for messages without options.
  static func optionsOffset(_ type: UInt8) -> Int? {
    switch type {
    case routerSolicitation, mobilePrefixAdvertisement: 8
    case routerAdvertisement: 16
    case neighbourSolicitation, neighbourAdvertisement: 24
    case redirect: 40
    default: nil
    }
  }
}
