import Glibc

/// An address and a port.
package struct Endpoint: Hashable, Sendable {
  package let address: IPAddress
  package let port: UInt16

  package init(_ address: IPAddress, port: UInt16) {
    self.address = address
    self.port = port
  }

  /// `struct sockaddr_in` (16 bytes) or `struct sockaddr_in6` (28 bytes), the port and the address in network order.
  package var socketAddress: [UInt8] {
    let family = UInt16(address.family.number)
    var bytes = [UInt8(truncatingIfNeeded: family), UInt8(truncatingIfNeeded: family >> 8)]
    if UInt16(bigEndian: family) == family { bytes.reverse() }
    bytes += [UInt8(port >> 8), UInt8(truncatingIfNeeded: port)]
    switch address.family {
    case .ipv4: bytes += address.bytes + [UInt8](repeating: 0, count: 8)
    case .ipv6: bytes += [0, 0, 0, 0] + address.bytes + [0, 0, 0, 0]
    }
    return bytes
  }
}

extension Endpoint: CustomStringConvertible {
  /// `192.0.2.1:80`, `[2001:db8::1]:80`.
  package var description: String { address.family == .ipv4 ? "\(address):\(port)" : "[\(address)]:\(port)" }
}

/// A TCP socket that waits for connections.
package struct TCPListener: ~Copyable, Sendable {
  private let descriptor: FileDescriptor
  /// Where it listens; the port is the kernel's choice where 0 was asked for.
  package let endpoint: Endpoint

  /// Listens in the namespace of the calling thread.
  /// - Parameter timeout: how long an `accept` waits, in milliseconds; it then fails with EAGAIN.
  package init(on endpoint: Endpoint, timeout: Int) throws(SystemCallError) {
    let descriptor = try FileDescriptor(socket: endpoint.address.family.number, type: streamType, protocol: 0)
    try descriptor.setOption("SO_REUSEADDR", level: SOL_SOCKET, option: SO_REUSEADDR, CInt(1))
    try descriptor.setTimeout(milliseconds: timeout)
    try descriptor.bind(to: endpoint.socketAddress)
    try descriptor.listen(backlog: 16)
    let bound = try descriptor.socketAddress(byteCount: 4)
    self.endpoint = Endpoint(endpoint.address, port: UInt16(bound[2]) << 8 | UInt16(bound[3]))
    self.descriptor = descriptor
  }

  /// Takes the next connection, with the same timeout.
  package borrowing func accept(timeout: Int) throws(SystemCallError) -> TCPConnection {
    try TCPConnection(adopting: descriptor.accept(), timeout: timeout)
  }
}

/// One end of a TCP connection; dropping the value closes it.
package struct TCPConnection: ~Copyable, Sendable {
  private let descriptor: FileDescriptor

  fileprivate init(adopting descriptor: consuming FileDescriptor, timeout: Int) throws(SystemCallError) {
    try descriptor.setTimeout(milliseconds: timeout)
    self.descriptor = descriptor
  }

  /// Connects from the namespace of the calling thread.
  /// - Parameter timeout: how long each call may wait, in milliseconds. Connecting then fails with ETIMEDOUT, sending
  ///   and receiving with EAGAIN.
  package init(to endpoint: Endpoint, timeout: Int) throws(SystemCallError) {
    let descriptor = try FileDescriptor(socket: endpoint.address.family.number, type: streamType, protocol: 0)
    try descriptor.setTimeout(milliseconds: timeout)
    do throws(SystemCallError) {
      try descriptor.connect(to: endpoint.socketAddress)
    } catch {
      throw error.errno == .inProgress ? SystemCallError(call: "connect", errno: .timedOut) : error
    }
    self.descriptor = descriptor
  }

  /// Sends all of `bytes`.
  package borrowing func sendAll(_ bytes: [UInt8]) throws(SystemCallError) {
    var sent = 0
    while sent < bytes.count { sent += try unsafe descriptor.send(bytes.span.bytes.extracting(droppingFirst: sent)) }
  }

  /// Receives what is there, at most `limit` bytes; empty when the other end has closed.
  package borrowing func receive(limit: Int = 65536) throws(SystemCallError) -> [UInt8] {
    var buffer = [UInt8](repeating: 0, count: limit)
    let count = try descriptor.receive(into: &buffer)
    return Array(buffer[..<count])
  }

  /// Receives until `count` bytes have come or the other end has closed.
  package borrowing func receive(exactly count: Int) throws(SystemCallError) -> [UInt8] {
    var received: [UInt8] = []
    while received.count < count {
      let piece = try receive(limit: count - received.count)
      if piece.isEmpty { break }
      received += piece
    }
    return received
  }

  /// Says that nothing more will be sent (FIN).
  package borrowing func finishSending() throws(SystemCallError) { try descriptor.shutdownSending() }

  /// Closes in order (FIN), and reports failure.
  package consuming func close() throws(SystemCallError) { try descriptor.close() }

  /// Closes at once with a reset (RST): `SO_LINGER` of zero seconds.
  package consuming func abort() throws(SystemCallError) {
    try descriptor.setOption("SO_LINGER", level: SOL_SOCKET, option: SO_LINGER, linger(l_onoff: 1, l_linger: 0))
    try descriptor.close()
  }
}

private let streamType = CInt(SOCK_STREAM.rawValue)
