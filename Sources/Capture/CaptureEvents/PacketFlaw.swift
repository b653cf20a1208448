/// What is wrong with a packet, in words, for the formats that name it; tcpdump's line has marks of its own.
extension Packet {
  /// Nil for a packet whose TCP header was decoded, and for one that is simply something else.
  var flaw: StaticString? {
    switch end {
    case .notIP where link.kind == .none: "IP version neither 4 nor 6"
    case .tcp, .notIP, .otherTransport, .laterFragment: nil
    case .linkType: "link type not understood"
    case .linkTruncated: "link header not captured whole"
    case .vlanTruncated: "VLAN tag not captured whole"
    case .tooManyTags: "too many VLAN tags"
    case .llcTruncated: "LLC header not captured whole"
    case .ipTruncated: "IP header not captured whole"
    case .ipVersion: "IP version contradicts the EtherType"
    case .ipHeaderLength: "IP header length less than 20 bytes"
    case .ipTotalLength: "IP total length less than its header"
    case .ipOptionsTruncated: "IP options not captured whole"
    case .noPayload: "IPv6 payload length 0 before an extension header"
    case .extensionTruncated: "extension header not captured whole"
    case .tooManyExtensions: "too many extension headers"
    case .portsTruncated, .tcpTruncated: "TCP header not captured whole"
    case .tcpHeaderTooShort: "TCP data offset less than 20 bytes"
    case .tcpHeaderTooLong: "TCP data offset beyond the segment"
    }
  }

  /// The ports of TCP were decoded.
  package var hasPorts: Bool { end == .tcpTruncated || hasTCPFields }

  /// The whole fixed TCP header was decoded, whatever its length says.
  var hasTCPFields: Bool {
    switch end {
    case .tcp, .tcpHeaderTooShort, .tcpHeaderTooLong: true
    default: false
    }
  }
}
