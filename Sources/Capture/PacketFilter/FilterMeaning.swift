/// Spells out what an expression asks of an Ethernet frame.
struct FilterMeaning {
  let expression: String
  let names: FilterNames
  /// libpcap's meaning to the packet: headers are where they are without tags and extension headers, which only `vlan`
  /// steps over.
  let isExact: Bool
  let linkHeader: FilterLinkHeader
  /// In host order.
  let netmask: UInt32?
  /// How many tags the terms so far have stepped over. As with libpcap all that is written behind counts, whatever
  /// stands between.
  private(set) var tagCount: UInt32 = 0

  init(
    _ expression: String, _ names: FilterNames, isExact: Bool, linkHeader: FilterLinkHeader = .ethernet,
    netmask: UInt32? = nil
  ) {
    (self.expression, self.names, self.isExact) = (expression, names, isExact)
    (self.linkHeader, self.netmask) = (linkHeader, netmask)
  }

  mutating func predicate(_ expression: FilterExpression) throws(FilterError) -> Predicate {
    switch expression {
    case .primitive(let primitive): return try predicate(primitive)
    case .not(let inner): return .not(try predicate(inner))
    case .chain(let first, let rest):
      var links: [Predicate.Link] = []
      var list: FilterHostList?
      for (index, term) in ([first] + rest.map(\.term)).enumerated() {
        let operation = index == 0 ? nil : rest[index - 1].operation
        if let (qualifiers, isNegated) = term.hosts {
          let hosts = try hosts(term, qualifiers)
          if list?.takes(hosts, operation, qualifiers, isNegated) ?? false { continue }
          if let list { links.append(link(list)) }
          list = FilterHostList(hosts, operation, qualifiers, isNegated)
        } else {
          if let list { links.append(link(list)) }
          list = nil
          links.append(Predicate.Link(operation: operation ?? .and, predicate: try predicate(term)))
        }
      }
      if let list { links.append(link(list)) }
      return links.count == 1 ? links[0].predicate : .chain(first: links[0].predicate, rest: Array(links.dropFirst()))
    }
  }

  func error(_ primitive: FilterPrimitive, _ reason: String) -> FilterError {
    FilterError(expression, at: primitive.range, .invalid(reason))
  }

  func unsupported(_ primitive: FilterPrimitive, _ reason: String) -> FilterError {
    FilterError(expression, at: primitive.range, .unsupported(reason))
  }

  private func link(_ list: FilterHostList) -> Predicate.Link {
    let any = predicate(list.hosts, list.qualifiers)
    return Predicate.Link(operation: list.operation ?? .and, predicate: list.isNegated ? .not(any) : any)
  }

  func refuseOtherLinks(_ primitive: FilterPrimitive) throws(FilterError) {
    if !linkHeader.isEthernet, primitive.asksForEthernet {
      throw error(
        primitive,
        "there are no Ethernet addresses, no tags and no bytes of an Ethernet header on a link of \(linkHeader.name)")
    }
  }

  private mutating func predicate(_ primitive: FilterPrimitive) throws(FilterError) -> Predicate {
    try refuseOtherLinks(primitive)
    switch primitive.kind {
    case .isProtocol(.link): throw error(primitive, "'ether' alone says nothing: all frames are Ethernet's")
    case .isProtocol(let name): return isProtocol(name)
    case .has(let qualifiers, let identity): return try has(qualifiers, identity, primitive)
    case .broadcast(nil), .broadcast(.link?): return ether([UInt8](repeating: 0xff, count: 6), .destination)
    case .broadcast(.ip?): return try ipBroadcast(primitive)
    case .broadcast: throw error(primitive, "only 'ether broadcast' and 'ip broadcast' can be asked for")
    case .multicast(nil), .multicast(.link?):
      return .relation(.load(Load(.frame, 0, 1)), .anyBit, 1)
    case .multicast(.ip?): return .all([isType(.ip), .relation(.load(network(16, 1)), .atLeast, 224)])
    case .multicast(.ip6?): return .all([isType(.ip6), .equal(.load(network(24, 1)), 255)])
    case .multicast:
      throw error(primitive, "only 'ether multicast', 'ip multicast' and 'ip6 multicast' can be asked for")
    case .less(let count): return .not(.relation(.length, .greater, count))
    case .greater(let count): return .relation(.length, .atLeast, count)
    case .vlan(let number): return try vlan(number, primitive)
    case .inbound, .outbound:
      throw unsupported(primitive, "the direction is an option (-Q in, -Q out), no part of a filter")
    case .relation(let relation, let left, let right):
      return try self.relation(relation, left, right, primitive)
    }
  }

  /// An address whose bits of the host are all 0 or all 1.
  private func ipBroadcast(_ primitive: FilterPrimitive) throws(FilterError) -> Predicate {
    guard let netmask, netmask != .max else {
      throw unsupported(
        primitive,
        "'ip broadcast' needs the netmask of an interface that has an IPv4 network; 'ether broadcast' or"
          + " 'dst host ADDRESS' does not")
    }
    let destination = Operand.load(network(16, 4))
    return .all([
      isType(.ip), .any([.equal(destination, 0, mask: ~netmask), .equal(destination, ~netmask, mask: ~netmask)]),
    ])
  }

  // MARK: Where headers are

  /// The offset of what follows the type, in frames with as many tags as were stepped over.
  private var networkStart: UInt32 { 14 + 4 * tagCount }

  func network(_ offset: UInt32, _ count: UInt32, index: Operand? = nil) -> Load {
    isExact
      ? Load(.frame, networkStart &+ offset, count, index: index) : Load(.network, offset, count, index: index)
  }

  /// Behind an IPv4 header, or behind IP and its extension headers.
  func transport(_ offset: UInt32, _ count: UInt32, index: Operand? = nil) -> Load {
    isExact
      ? Load(.behindIPv4(at: networkStart), offset, count, index: index) : Load(.transport, offset, count, index: index)
  }

  // MARK: Protocols

  static let etherTypes: [FilterProtocol: UInt32] = [.ip: 0x0800, .ip6: 0x86dd, .arp: 0x0806, .rarp: 0x8035]

  var etherType: Operand { isExact ? .load(Load(.frame, networkStart - 2, 2)) : .found(.etherType) }

  func isType(_ name: FilterProtocol) -> Predicate {
    if let protocols = linkHeader.protocols {
      if !protocols.contains(name) { return .constant(false) }
      if protocols == [name] { return .constant(true) }
    }
    return .equal(etherType, Self.etherTypes[name] ?? 0)
  }

  /// Only the first fragment has what follows the IP header.
  var isNoLaterFragment: Predicate {
    isExact ? .not(.relation(.load(network(6, 2)), .anyBit, 0x1fff)) : .equal(.found(.hasTransport), 1)
  }

  func isProtocol(_ name: FilterProtocol) -> Predicate {
    switch name {
    case .link: .constant(true)
    case .ip, .ip6, .arp, .rarp: isType(name)
    default: carries(Self.numbers[name] ?? 0, over: Self.version(under: name))
    }
  }

  /// The version of IP that a protocol belongs to; `nil` for both.
  static func version(under name: FilterProtocol) -> FilterProtocol? {
    switch name {
    case .icmp, .igmp, .igrp, .vrrp, .carp: .ip
    case .icmp6: .ip6
    default: nil
    }
  }

  static let numbers: [FilterProtocol: UInt32] = [
    .icmp: 1, .igmp: 2, .tcp: 6, .igrp: 9, .udp: 17, .esp: 50, .ah: 51, .icmp6: 58, .pim: 103, .vrrp: 112, .carp: 112,
    .sctp: 132,
  ]

  /// Packets of IP, of one version or both, that carry a protocol.
  func carries(_ number: UInt32, over version: FilterProtocol?) -> Predicate {
    let overIPv4 = Predicate.all([isType(.ip), .equal(.load(network(9, 1)), number)])
    let next = Predicate.equal(.load(network(6, 1)), number)
    let overIPv6: Predicate
    if isExact {
      let behindFragment = Predicate.all([
        .equal(.load(network(6, 1)), Self.fragmentHeader), .equal(.load(network(40, 1)), number),
      ])
      overIPv6 = .all([isType(.ip6), .any([next, behindFragment])])
    } else {
      overIPv6 = .all([isType(.ip6), .any([.equal(.found(.protocol), number), next])])
    }
    switch version {
    case .ip?: return overIPv4
    case .ip6?: return overIPv6
    default: return .any([overIPv4, overIPv6])
    }
  }

  private static let fragmentHeader: UInt32 = 44

  // MARK: Tags

  private mutating func vlan(_ number: UInt32?, _ primitive: FilterPrimitive) throws(FilterError) -> Predicate {
    if let number, number > 0xfff {
      throw error(primitive, "VLAN \(number): the highest number is 4095")
    }
    guard tagCount < 16 else { throw error(primitive, "more than 16 VLAN tags in a filter") }
    let place = networkStart - 2
    tagCount += 1
    let isTag = Predicate.any(
      [0x8100, 0x88a8, 0x9100].map { .equal(.load(Load(.frame, place, 2)), $0) })
    guard let number else { return isTag }
    return .all([isTag, .equal(.load(Load(.frame, place + 2, 2)), number, mask: 0xfff)])
  }
}
