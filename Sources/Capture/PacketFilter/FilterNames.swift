import Synchronization

/// Where names in a filter come from. Each is asked once, when the filter is made.
public struct FilterNames: Sendable {
  public enum Transport: Hashable, Sendable { case tcp, udp, both }

  /// Whoever knows names could not be asked; nobody knows whether there is such a name.
  public struct Unanswered: Error, Hashable, Sendable {
    /// What was tried, and what to do next, in words.
    public let reason: String

    public init(reason: String) { self.reason = reason }
  }

  /// A service's port and what it is a port of.
  public var port: @Sendable (String) -> (number: UInt16, transport: Transport)?
  /// The number of a protocol on top of IP.
  public var protocolNumber: @Sendable (String) -> UInt8?
  /// A host's addresses, of 4 and of 16 bytes: any of them is meant.
  public var addresses: @Sendable (String) -> Result<[[UInt8]], Unanswered>
  /// A network's number, without the bytes of its hosts: 10 for 10.0.0.0.
  public var network: @Sendable (String) -> UInt32?
  /// A host's Ethernet address, 6 bytes.
  public var ethernet: @Sendable (String) -> [UInt8]?

  public init(
    port: @escaping @Sendable (String) -> (number: UInt16, transport: Transport)? = { _ in nil },
    protocolNumber: @escaping @Sendable (String) -> UInt8? = { FilterNames.protocols[$0] },
    addresses: @escaping @Sendable (String) -> Result<[[UInt8]], Unanswered> = { _ in .success([]) },
    network: @escaping @Sendable (String) -> UInt32? = { _ in nil },
    ethernet: @escaping @Sendable (String) -> [UInt8]? = { _ in nil }
  ) {
    self.port = port
    self.protocolNumber = protocolNumber
    self.addresses = addresses
    self.network = network
    self.ethernet = ethernet
  }

  /// The protocols that filters name most, by their numbers (IANA, Protocol Numbers).
  public static let protocols: [String: UInt8] = [
    "ip": 0, "icmp": 1, "igmp": 2, "ipencap": 4, "tcp": 6, "egp": 8, "igp": 9, "udp": 17, "ipv6": 41,
    "ipv6-route": 43, "ipv6-frag": 44, "rsvp": 46, "gre": 47, "esp": 50, "ah": 51, "ipv6-icmp": 58, "ipv6-nonxt": 59,
    "ipv6-opts": 60, "eigrp": 88, "ospf": 89, "pim": 103, "vrrp": 112, "l2tp": 115, "sctp": 132, "udplite": 136,
  ]

  /// `ether proto \arp` (IANA, IEEE 802 Numbers).
  static let etherTypes: [String: UInt32] = [
    "ip": 0x0800, "arp": 0x0806, "rarp": 0x8035, "ip6": 0x86dd, "loopback": 0x9000,
  ]
}

extension FilterNames {
  /// The same, asked once for each name.
  var remembered: FilterNames {
    FilterNames(
      port: Self.once(port), protocolNumber: Self.once(protocolNumber), addresses: Self.once(addresses),
      network: Self.once(network), ethernet: Self.once(ethernet))
  }

  private static func once<Value: Sendable>(
    _ ask: @escaping @Sendable (String) -> Value
  ) -> @Sendable (String) -> Value {
    let answers = Answers<Value>()
    return { name in
      answers.known.withLock { known in
        if let answer = known[name] { return answer }
        let answer = ask(name)
        known[name] = answer
        return answer
      }
    }
  }

  private final class Answers<Value: Sendable>: Sendable {
    let known = Mutex<[String: Value]>([:])
  }
}
