/// A filter as it was written: pcap-filter(7), as a tree.
///
/// `and` and `or` bind alike and from the left, so that what hangs together is a chain and no tree of pairs: an expression
/// of thousands of terms is as deep as one of two.
indirect enum FilterExpression: Hashable, Sendable {
  case primitive(FilterPrimitive)
  case not(FilterExpression)
  case chain(first: FilterExpression, rest: [Link])

  struct Link: Hashable, Sendable {
    enum Operation: Hashable, Sendable { case and, or }
    let operation: Operation
    let term: FilterExpression
  }
}

/// One thing that is asked of a packet, and where it was written.
struct FilterPrimitive: Hashable, Sendable {
  enum Kind: Hashable, Sendable {
    /// `tcp`
    case isProtocol(FilterProtocol)
    /// `src host 10.0.0.1`, `tcp port 80`
    case has(FilterQualifiers, FilterIdentity)
    case broadcast(FilterProtocol?)
    case multicast(FilterProtocol?)
    /// `less 100` is `len <= 100`, `greater 100` is `len >= 100`.
    case less(UInt32)
    case greater(UInt32)
    case vlan(UInt32?)
    case inbound
    case outbound
    case relation(FilterRelation, FilterArithmetic, FilterArithmetic)
  }

  let kind: Kind
  let range: Range<Int>
}

enum FilterProtocol: String, Hashable, Sendable {
  case link, ip, ip6, arp, rarp, tcp, udp, sctp, icmp, icmp6, igmp, igrp, pim, vrrp, carp, ah, esp
}

/// What stands before a name or number: which header, which of its two places, what kind of thing.
struct FilterQualifiers: Hashable, Sendable {
  enum Direction: Hashable, Sendable { case source, destination, either, both }
  enum Kind: Hashable, Sendable { case host, net, port, portRange, `protocol`, protocolChain }

  var `protocol`: FilterProtocol?
  /// `nil` stands for either, and where there is no choice.
  var direction: Direction?
  /// `nil` stands for a host.
  var kind: Kind?
}

enum FilterIdentity: Hashable, Sendable {
  case number(UInt32)
  /// A name, or text that a range is taken from: `80-90`.
  case name(String)
  case ipv4(DottedNumber)
  case ipv4Network(DottedNumber, prefixLength: UInt32)
  case ipv4Masked(DottedNumber, mask: DottedNumber)
  case ipv6([UInt8])
  case ipv6Network([UInt8], prefixLength: UInt32)
  case ethernet([UInt8])
}

enum FilterRelation: Hashable, Sendable { case equal, notEqual, greater, atLeast, less, atMost }

/// What is computed from a packet's bytes, in 32 bits without a sign.
indirect enum FilterArithmetic: Hashable, Sendable {
  enum Operation: Hashable, Sendable {
    case add, subtract, multiply, divide, remainder, and, or, xor, shiftLeft, shiftRight
  }

  case number(UInt32)
  case length
  /// `tcp[13:1]`
  case bytes(of: FilterProtocol, at: FilterArithmetic, count: UInt32)
  case negated(FilterArithmetic)
  case operation(Operation, FilterArithmetic, FilterArithmetic)
}

extension FilterPrimitive {
  /// Whether it asks for what only an Ethernet header has.
  var asksForEthernet: Bool {
    switch kind {
    case .vlan, .broadcast(nil), .broadcast(.link?), .multicast(nil), .multicast(.link?): true
    case .has(let qualifiers, _):
      qualifiers.protocol == .link && qualifiers.kind != .protocol && qualifiers.kind != .protocolChain
    case .relation(_, let left, let right): left.asksForEthernet || right.asksForEthernet
    default: false
    }
  }
}

extension FilterArithmetic {
  fileprivate var asksForEthernet: Bool {
    switch self {
    case .number, .length: false
    case .bytes(let name, let at, _): name == .link || at.asksForEthernet
    case .negated(let inner): inner.asksForEthernet
    case .operation(_, let left, let right): left.asksForEthernet || right.asksForEthernet
    }
  }
}
