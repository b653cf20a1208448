package import ByteReading
package import CaptureEvents

/// An address and a port of TCP.
package struct SocketAddress: Hashable, Sendable {
  /// The two halves of an IPv6 address; of IPv4 it is `::ffff:a.b.c.d`, as sockets have it.
  package var high, low: UInt64
  package var port: UInt16

  package init(high: UInt64, low: UInt64, port: UInt16) { (self.high, self.low, self.port) = (high, low, port) }

  package init(_ record: RawSpan, address: Int, port: Int) throws(TruncatedError) {
    high = try record.readBigEndian(UInt64.self, at: address)
    low = try record.readBigEndian(UInt64.self, at: address + 8)
    self.port = try record.read(UInt16.self, at: port)
  }

  package var isIPv4: Bool { high == 0 && low >> 32 == 0xffff }

  package func writeAddress(into out: inout OutputBuffer) {
    if isIPv4 {
      out.appendIPv4(UInt32(truncatingIfNeeded: low))
    } else {
      out.appendIPv6(high: high, low: low)
    }
  }

  /// `192.0.2.1:80`, `[2001:db8::1]:80`
  package func write(into out: inout OutputBuffer) {
    if !isIPv4 { out.append("[") }
    writeAddress(into: &out)
    if !isIPv4 { out.append("]") }
    out.append(":")
    out.appendDecimal(port)
  }
}
