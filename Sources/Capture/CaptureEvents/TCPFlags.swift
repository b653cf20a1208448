/// The twelve bits beside the data offset: three reserved, AE (RFC 9768), CWR and ECE (RFC 3168), and RFC 9293's six.
package struct TCPFlags: OptionSet, Hashable, Sendable {
  /// 0...0xfff.
  package let rawValue: UInt16

  package init(rawValue: UInt16) { self.rawValue = rawValue }

  package static let fin = TCPFlags(rawValue: 0x001)
  package static let syn = TCPFlags(rawValue: 0x002)
  package static let rst = TCPFlags(rawValue: 0x004)
  package static let psh = TCPFlags(rawValue: 0x008)
  package static let ack = TCPFlags(rawValue: 0x010)
  package static let urg = TCPFlags(rawValue: 0x020)
  package static let ece = TCPFlags(rawValue: 0x040)
  package static let cwr = TCPFlags(rawValue: 0x080)
  package static let ae = TCPFlags(rawValue: 0x100)
}
