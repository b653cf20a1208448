package import ByteReading
internal import CaptureEvents

/// What makes packets one flow: their endpoints, in an order that is the same for both directions, and the interface.
/// `struct flow_key`, bpf/include/flow.h.
package struct FlowKey: Hashable, Sendable {
  /// `enum flow_kind`: what stands in the place of the ports.
  package enum Kind: UInt8, Hashable, Sendable {
    case ports
    /// Nothing: another protocol, or its header was not there.
    case addresses
    /// Nothing: later fragments, which have no ports.
    case fragments
    /// The identifier of ICMP's echo requests and replies, twice.
    case echo
    /// Type and code of another message of ICMP, twice.
    case message
  }

  /// One end of a flow. IPv4 addresses stand behind ::ffff.
  package struct Endpoint: Hashable, Sendable {
    let high: UInt64
    let low: UInt64
    package let port: UInt16
  }

  package static let byteCount = 48

  package let low: Endpoint
  package let high: Endpoint
  /// The index.
  package let interface: UInt32
  package let protocolNumber: UInt8
  /// Of IP.
  package let version: UInt8
  package let kind: Kind

  package init(_ bytes: RawSpan) throws(TruncatedError) {
    func endpoint(_ address: Int, _ port: Int) throws(TruncatedError) -> Endpoint {
      Endpoint(
        high: try bytes.readBigEndian(UInt64.self, at: address),
        low: try bytes.readBigEndian(UInt64.self, at: address + 8),
        port: try bytes.readBigEndian(UInt16.self, at: port))
    }
    low = try endpoint(0, 32)
    high = try endpoint(16, 34)
    interface = try bytes.read(UInt32.self, at: 36)
    protocolNumber = try bytes.read(UInt8.self, at: 40)
    version = try bytes.read(UInt8.self, at: 41)
    kind = Kind(rawValue: try bytes.read(UInt8.self, at: 42)) ?? .addresses
  }

  /// Whether the protocol has ports, and these packets should have shown them.
  var lacksPorts: Bool { kind == .addresses && [6, 17, 132].contains(protocolNumber) }

  /// A short name in lower case; `nil` for protocols that are known by their number.
  var protocolName: StaticString? {
    switch protocolNumber {
    case 1: "icmp"
    case 2: "igmp"
    case 4: "ipip"
    case 6: "tcp"
    case 17: "udp"
    case 33: "dccp"
    case 41: "ipv6"
    case 46: "rsvp"
    case 47: "gre"
    case 50: "esp"
    case 51: "ah"
    case 58: "icmp6"
    case 88: "eigrp"
    case 89: "ospf"
    case 103: "pim"
    case 112: "vrrp"
    case 132: "sctp"
    default: nil
    }
  }

  /// For a stable order of what is otherwise equal.
  func precedes(_ other: FlowKey) -> Bool {
    (low.high, low.low, high.high, high.low, low.port, high.port)
      < (other.low.high, other.low.low, other.high.high, other.high.low, other.low.port, other.high.port)
  }
}

extension OutputBuffer {
  mutating func append(addressOf endpoint: FlowKey.Endpoint, version: UInt8) {
    if version == 4 {
      appendIPv4(UInt32(truncatingIfNeeded: endpoint.low))
    } else {
      appendIPv6(high: endpoint.high, low: endpoint.low)
    }
  }

  mutating func append(protocolOf key: FlowKey) {
    if let name = key.protocolName {
      append(name)
    } else {
      append("ip")
      appendDecimal(key.protocolNumber)
    }
  }
}
