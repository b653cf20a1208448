import Glibc

/// A UDP socket with one other end: it hears nothing from anybody else.
package struct UDPSocket: ~Copyable, Sendable {
  private let descriptor: FileDescriptor

  /// connect(2) to an endpoint, in the namespace of the calling thread.
  package init(to endpoint: Endpoint) throws(SystemCallError) {
    let descriptor = try FileDescriptor(socket: endpoint.address.family.number, type: datagramType, protocol: 0)
    try descriptor.connect(to: endpoint.socketAddress)
    self.descriptor = descriptor
  }

  package borrowing func send(_ datagram: [UInt8]) throws(SystemCallError) {
    _ = try unsafe descriptor.send(datagram.span.bytes)
  }

  /// The next datagram, cut to `capacity` bytes.
  /// - Throws: EAGAIN where none comes in time, ECONNREFUSED where the other end says that nobody listens there.
  package borrowing func receive(capacity: Int, timeout milliseconds: Int) throws(SystemCallError) -> [UInt8] {
    // A time of 0 would be none.
    try descriptor.setTimeout(milliseconds: max(1, milliseconds))
    var buffer = [UInt8](repeating: 0, count: capacity)
    let count = try descriptor.receive(into: &buffer)
    return Array(buffer.prefix(count))
  }
}

private let datagramType = CInt(SOCK_DGRAM.rawValue)
