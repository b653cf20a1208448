/// The numbers of the options in messages of neighbour discovery (RFC 4861, 4.6), and the names that tcpdump gives to
/// those it knows.
enum NeighbourOption {
  static let sourceLinkAddress: UInt8 = 1
  static let targetLinkAddress: UInt8 = 2
  static let prefixInformation: UInt8 = 3
  static let redirectedHeader: UInt8 = 4
  static let mtu: UInt8 = 5
  static let advertisementInterval: UInt8 = 7
  static let homeAgentInformation: UInt8 = 8
  static let routeInformation: UInt8 = 24
  static let recursiveServers: UInt8 = 25
  static let searchList: UInt8 = 31

  static func name(_ type: UInt8) -> StaticString? {
    switch type {
    case sourceLinkAddress: "source link-address"
    case targetLinkAddress: "destination link-address"
    case prefixInformation: "prefix info"
    case redirectedHeader: "redirected header"
    case mtu: "mtu"
    case advertisementInterval: "advertisement interval"
    case homeAgentInformation: "homeagent information"
    case routeInformation: "route info"
    case recursiveServers: "rdnss"
    case searchList: "dnssl"
    default: nil
    }
  }
}
