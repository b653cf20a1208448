/// IANA's TCP option kinds, and the names that tcpdump gives to those it knows.
enum TCPOptionKind {
  static let endOfList: UInt8 = 0
  static let noOperation: UInt8 = 1
  static let maximumSegmentSize: UInt8 = 2
  static let windowScale: UInt8 = 3
  static let selectiveAcknowledgmentPermitted: UInt8 = 4
  static let selectiveAcknowledgment: UInt8 = 5
  static let echo: UInt8 = 6
  static let echoReply: UInt8 = 7
  static let timestamps: UInt8 = 8
  static let connectionCount: UInt8 = 11
  static let connectionCountNew: UInt8 = 12
  static let connectionCountEcho: UInt8 = 13
  static let signature: UInt8 = 19
  static let capabilities: UInt8 = 20
  static let userTimeout: UInt8 = 28
  static let authentication: UInt8 = 29
  static let multipath: UInt8 = 30
  static let fastOpen: UInt8 = 34
  static let experiment2: UInt8 = 254

  /// RFC 7413's number among the experiments (RFC 6994).
  static let fastOpenExperiment: UInt16 = 0xf989

  static func name(_ kind: UInt8) -> StaticString? {
    switch kind {
    case endOfList: "eol"
    case noOperation: "nop"
    case maximumSegmentSize: "mss"
    case windowScale: "wscale"
    case selectiveAcknowledgmentPermitted: "sackOK"
    case selectiveAcknowledgment: "sack"
    case echo: "echo"
    case echoReply: "echoreply"
    case timestamps: "TS"
    case connectionCount: "cc"
    case connectionCountNew: "ccnew"
    // tcpdump's table has an empty name for it.
    case connectionCountEcho: ""
    case signature: "md5"
    case capabilities: "scps"
    case userTimeout: "uto"
    case authentication: "tcp-ao"
    case multipath: "mptcp"
    case fastOpen: "tfo"
    case experiment2: "exp"
    default: nil
    }
  }
}
