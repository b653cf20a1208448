package import LinuxCalls
package import RouteNetlink

/// Two hosts in a box: a client's and a server's network namespace, joined by a veth pair. Nothing of it has a name on
/// disk, so it goes with the value, and with the process however that ends.
///
///     client  192.0.2.1  2001:db8::1   veth-client ═══ veth-server   192.0.2.2  2001:db8::2  server
///
/// The addresses are those kept for documentation (RFC 5737, RFC 3849).
package struct DemoNetwork: ~Copyable, Sendable {
  package let client: NetworkNamespace
  package let server: NetworkNamespace

  package static let clientInterface = "veth-client"
  package static let serverInterface = "veth-server"

  /// Makes both hosts and waits until packets can go between them. Takes CAP_SYS_ADMIN and CAP_NET_ADMIN.
  package init() throws(NetlinkError) {
    let client = try Self.namespace()
    let server = try Self.namespace()
    try server.run { () throws(NetlinkError) in
      try RouteSocket().createVethPair(Self.serverInterface, peer: Self.clientInterface, peerNamespace: client)
    }
    try Self.setUp(server, Self.serverInterface, ["192.0.2.2", "2001:db8::2"])
    try Self.setUp(client, Self.clientInterface, ["192.0.2.1", "2001:db8::1"])
    try Self.waitUntilRunning(client, Self.clientInterface)
    try Self.waitUntilRunning(server, Self.serverInterface)
    self.client = client
    self.server = server
  }

  private static func namespace() throws(NetlinkError) -> NetworkNamespace {
    do { return try NetworkNamespace() } catch {
      throw NetlinkError(attempt: "make a network namespace (\(error.call))", errno: error.errno)
    }
  }

  private static func setUp(
    _ namespace: borrowing NetworkNamespace, _ name: String, _ addresses: [String]
  ) throws(NetlinkError) {
    try namespace.run { () throws(NetlinkError) in
      let socket = try RouteSocket()
      for interface in try socket.interfaces() where interface.name == name || interface.isLoopback {
        try socket.setUp(interface)
        guard interface.name == name else { continue }
        for address in addresses.compactMap(IPAddress.init) {
          do throws(NetlinkError) {
            try socket.addAddress(address, prefixLength: address.family == .ipv4 ? 24 : 64, to: interface)
          } catch {
            // A kernel may come without IPv6, or have it switched off; IPv4 serves then.
            guard address.family == .ipv6, error.errno == .notSupported || error.errno == .accessDenied else {
              throw error
            }
          }
        }
      }
    }
  }

  private static func waitUntilRunning(
    _ namespace: borrowing NetworkNamespace, _ name: String
  ) throws(NetlinkError) {
    try namespace.run { () throws(NetlinkError) in
      let socket = try RouteSocket()
      for _ in 0..<500 {
        if try socket.interface(named: name)?.isRunning == true { return }
        sleepMilliseconds(10)
      }
      throw NetlinkError(attempt: "wait for \(name) to run", errno: .timedOut)
    }
  }
}
