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

  /// The address as a packet's header has it: 4 bytes of IPv4, or 16.
  init(_ packet: RawSpan, address: Int, isIPv4: Bool, port: UInt16) throws(TruncatedError) {
    if isIPv4 {
      (high, low) = (0, 0xffff << 32 | UInt64(try packet.readBigEndian(UInt32.self, at: address)))
    } else {
      high = try packet.readBigEndian(UInt64.self, at: address)
      low = try packet.readBigEndian(UInt64.self, at: address + 8)
    }
    self.port = port
  }

  package var isIPv4: Bool { high == 0 && low >> 32 == 0xffff }
  /// `127.0.0.0/8`, `::1`
  var isLoopback: Bool { isIPv4 ? low >> 24 & 0xff == 127 : high == 0 && low == 1 }

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

extension Packet {
  /// Where a TCP segment comes from and goes to; `nil` where that was not captured, or it is something else.
  func tcpAddresses(in frame: RawSpan) -> (source: SocketAddress, destination: SocketAddress)? {
    guard hasPorts else { return nil }
    let isIPv4 = network.version == .v4
    let source = network.offset + (isIPv4 ? 12 : 8)
    guard
      let from = try? SocketAddress(frame, address: source, isIPv4: isIPv4, port: tcp.sourcePort),
      let to = try? SocketAddress(
        frame, address: source + (isIPv4 ? 4 : 16), isIPv4: isIPv4, port: tcp.destinationPort)
    else { return nil }
    return (from, to)
  }
}
