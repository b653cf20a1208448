package import LinuxCalls

/// Real TCP conversations between the two hosts of a ``DemoNetwork``. One thread plays both sides, one step after the
/// other, so that it is the same every time; every step has a time limit.
package enum DemoTraffic {
  /// Per address family: a request and its answer, closed in order; a connection that nobody accepts; and one that its
  /// client breaks off.
  /// - Returns: how many connections were attempted.
  @discardableResult
  package static func run(in network: borrowing DemoNetwork) throws(SystemCallError) -> Int {
    var count = 0
    for address in ["192.0.2.2", "2001:db8::2"].compactMap(IPAddress.init) {
      guard try hasAddress(address, network) else { continue }
      try converse(address, network)
      try meetRefusal(address, network)
      try breakOff(address, network)
      count += 3
    }
    return count
  }

  /// In milliseconds, for each step.
  private static let timeout = 5000
  private static let port: UInt16 = 80

  /// A kernel may have no IPv6.
  private static func hasAddress(_ address: IPAddress, _ network: borrowing DemoNetwork) throws(SystemCallError) -> Bool
  {
    try network.server.run { () throws(SystemCallError) in
      do throws(SystemCallError) {
        _ = try TCPListener(on: Endpoint(address, port: port), timeout: timeout)
        return true
      } catch {
        guard address.family == .ipv6 else { throw error }
        return false
      }
    }
  }

  private static func connect(
    _ endpoint: Endpoint, _ network: borrowing DemoNetwork
  ) throws(SystemCallError) -> TCPConnection {
    try network.client.run { () throws(SystemCallError) in try TCPConnection(to: endpoint, timeout: timeout) }
  }

  private static func listen(
    _ address: IPAddress, _ network: borrowing DemoNetwork
  ) throws(SystemCallError) -> TCPListener {
    try network.server.run { () throws(SystemCallError) in
      try TCPListener(on: Endpoint(address, port: port), timeout: timeout)
    }
  }

  private static func converse(_ address: IPAddress, _ network: borrowing DemoNetwork) throws(SystemCallError) {
    let listener = try listen(address, network)
    let client = try connect(listener.endpoint, network)
    let server = try listener.accept(timeout: timeout)
    let request = Array("GET / HTTP/1.0\r\nHost: demo.example\r\n\r\n".utf8)
    let answer = Array("HTTP/1.0 200 OK\r\n\r\nThe bee-eater catches bees on the wing.\r\n".utf8)
    try client.sendAll(request)
    _ = try server.receive(exactly: request.count)
    try server.sendAll(answer)
    _ = try client.receive(exactly: answer.count)
    try client.finishSending()
    _ = try server.receive()
    try server.close()
    _ = try client.receive()
    try client.close()
  }

  private static func meetRefusal(_ address: IPAddress, _ network: borrowing DemoNetwork) throws(SystemCallError) {
    do throws(SystemCallError) {
      _ = try connect(Endpoint(address, port: 81), network)
    } catch {
      if error.errno != .connectionRefused { throw error }
    }
  }

  private static func breakOff(_ address: IPAddress, _ network: borrowing DemoNetwork) throws(SystemCallError) {
    let listener = try listen(address, network)
    let client = try connect(listener.endpoint, network)
    let server = try listener.accept(timeout: timeout)
    try client.sendAll(Array("never mind".utf8))
    _ = try server.receive()
    try client.abort()
  }
}
