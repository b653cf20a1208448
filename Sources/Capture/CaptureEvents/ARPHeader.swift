import ByteReading

/// The fixed 8 bytes of ARP (RFC 826) and where the addresses behind them lie.
///
///     0              2              4      5      6           8
///     | hardwareType | protocolType | hlen | plen | operation | sender: hardware, protocol | target: the same
struct ARPHeader {
  static let length = 8

  let offset: Int
  let hardwareType: UInt16
  /// An EtherType.
  let protocolType: UInt16
  let hardwareLength: UInt8
  let protocolLength: UInt8
  let operation: UInt16

  /// Throws where the fixed part was not captured whole. The addresses may lie behind what was captured.
  init(in frame: RawSpan, at offset: Int) throws(TruncatedError) {
    self.offset = offset
    _ = try frame.checked(offset, count: Self.length)
    hardwareType = try frame.readBigEndian(UInt16.self, at: offset)
    protocolType = try frame.readBigEndian(UInt16.self, at: offset + 2)
    hardwareLength = try frame.read(UInt8.self, at: offset + 4)
    protocolLength = try frame.read(UInt8.self, at: offset + 5)
    operation = try frame.readBigEndian(UInt16.self, at: offset + 6)
  }

  var senderHardware: Int { offset + Self.length }
  var senderProtocol: Int { senderHardware + Int(hardwareLength) }
  var targetHardware: Int { senderProtocol + Int(protocolLength) }
  var targetProtocol: Int { targetHardware + Int(hardwareLength) }
  var end: Int { targetProtocol + Int(protocolLength) }

  var hasIPv4: Bool { Self.isIPv4(protocolType) && protocolLength == 4 }

  /// The hardware addresses are such as Ethernet has; Token Ring's are too.
  var hasEthernet: Bool { (hardwareType == Self.ethernet || hardwareType == 6) && hardwareLength == 6 }

  /// A request that knows the answer asks whether it is still true.
  func knowsTarget(in frame: RawSpan) throws(TruncatedError) -> Bool {
    for offset in targetHardware..<targetProtocol where try frame.read(UInt8.self, at: offset) != 0 { return true }
    return false
  }

  // MARK: Numbers

  static let ethernet: UInt16 = 1
  static let frameRelay: UInt16 = 15
  static let atm: UInt16 = 19

  static let request: UInt16 = 1
  static let reply: UInt16 = 2
  static let reverseRequest: UInt16 = 3
  static let reverseReply: UInt16 = 4
  static let inverseRequest: UInt16 = 8
  static let inverseReply: UInt16 = 9
  static let refusal: UInt16 = 10

  /// IPv4, and the trailers of RFC 893.
  static func isIPv4(_ type: UInt16) -> Bool { type == EtherType.ipv4 || type == 0x1000 }

  static func operationName(_ operation: UInt16) -> StaticString? {
    switch operation {
    case request: "Request"
    case reply: "Reply"
    case reverseRequest: "Reverse Request"
    case reverseReply: "Reverse Reply"
    case inverseRequest: "Inverse Request"
    case inverseReply: "Inverse Reply"
    case refusal: "NACK Reply"
    default: nil
    }
  }

  static func hardwareName(_ type: UInt16) -> StaticString? {
    switch type {
    case ethernet: "Ethernet"
    case 6: "TokenRing"
    case 7: "ArcNet"
    case frameRelay: "FrameRelay"
    case atm: "ATM"
    case 23: "Strip"
    case 24: "IEEE 1394"
    case 32: "InfiniBand"
    default: nil
    }
  }
}
