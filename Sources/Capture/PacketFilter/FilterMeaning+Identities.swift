// Hosts, networks, ports and protocols.
extension FilterMeaning {
  func has(
    _ qualifiers: FilterQualifiers, _ identity: FilterIdentity, _ primitive: FilterPrimitive
  ) throws(FilterError) -> Predicate {
    switch qualifiers.kind {
    case nil, .host?, .net?: predicate(try hosts(of: identity, qualifiers, primitive), qualifiers)
    case .port?, .portRange?: try ports(qualifiers, identity, primitive)
    case .protocol?, .protocolChain?: try carries(qualifiers, identity, primitive)
    }
  }

  // MARK: Addresses

  /// Of a term that says something of hosts, perhaps negated.
  func hosts(_ term: FilterExpression, _ qualifiers: FilterQualifiers) throws(FilterError) -> [FilterHost] {
    switch term {
    case .not(let inner): return try hosts(inner, qualifiers)
    case .primitive(let primitive):
      guard case .has(_, let identity) = primitive.kind else { return [] }
      try refuseOtherLinks(primitive)
      return try hosts(of: identity, qualifiers, primitive)
    case .chain: return []
    }
  }

  /// The addresses that a name, a number or a network stands for.
  func hosts(
    of identity: FilterIdentity, _ qualifiers: FilterQualifiers, _ primitive: FilterPrimitive
  ) throws(FilterError) -> [FilterHost] {
    let isNetwork = qualifiers.kind == .net
    switch identity {
    case .number(let number):
      // `net 10` stands for 10.0.0.0/8, `host 10` for 0.0.0.10.
      let (value, mask) = isNetwork ? Self.promoted(number) : (number, .max)
      return [try ipv4(value, mask, qualifiers, primitive)]
    case .ipv4(let address): return [try ipv4(address.value, address.mask, qualifiers, primitive)]
    case .ipv4Network(let address, let prefixLength):
      guard prefixLength <= 32 else { throw error(primitive, "/\(prefixLength): an IPv4 prefix has 32 bits at most") }
      let mask = prefixLength == 0 ? 0 : UInt32.max << (32 - prefixLength)
      return [try masked(address.value, mask, "/\(prefixLength)", qualifiers, primitive)]
    case .ipv4Masked(let address, let mask):
      return [try masked(address.value, mask.value, "that mask", qualifiers, primitive)]
    case .ipv6(let bytes): return [try ipv6(bytes, prefixLength: 128, qualifiers, primitive)]
    case .ipv6Network(let bytes, let prefixLength):
      guard prefixLength <= 128 else { throw error(primitive, "/\(prefixLength): an IPv6 prefix has 128 bits at most") }
      return [try ipv6(bytes, prefixLength: prefixLength, qualifiers, primitive)]
    case .ethernet(let bytes):
      guard qualifiers.protocol == .link, !isNetwork else {
        throw error(primitive, "an Ethernet address wants 'ether' before it: ether host ADDRESS")
      }
      return [.ethernet(bytes)]
    case .name(let name): return try named(name, qualifiers, primitive)
    }
  }

  /// Up to four bytes, the first one highest.
  private static func number(_ bytes: ArraySlice<UInt8>) -> UInt32 { bytes.reduce(0) { $0 << 8 | UInt32($1) } }

  private static func promoted(_ number: UInt32) -> (value: UInt32, mask: UInt32) {
    var (value, mask) = (number, UInt32.max)
    while value != 0, value & 0xff00_0000 == 0 { (value, mask) = (value << 8, mask << 8) }
    return (value, mask)
  }

  private func masked(
    _ value: UInt32, _ mask: UInt32, _ what: String, _ qualifiers: FilterQualifiers, _ primitive: FilterPrimitive
  ) throws(FilterError) -> FilterHost {
    guard value & ~mask == 0 else { throw error(primitive, "the address has bits that \(what) leaves to the hosts") }
    guard qualifiers.kind == .net || qualifiers.kind == nil || mask == .max else {
      throw error(primitive, "a mask makes a network of it: write 'net'")
    }
    return try ipv4(value, mask, qualifiers, primitive)
  }

  private func named(
    _ name: String, _ qualifiers: FilterQualifiers, _ primitive: FilterPrimitive
  ) throws(FilterError) -> [FilterHost] {
    if qualifiers.kind == .net {
      guard let number = names.network(name) else { throw error(primitive, "there is no network named '\(name)'") }
      let (value, mask) = Self.promoted(number)
      return [try ipv4(value, mask, qualifiers, primitive)]
    }
    if qualifiers.protocol == .link {
      guard let bytes = names.ethernet(name), bytes.count == 6 else {
        throw error(primitive, "no Ethernet address is known of a host '\(name)' (/etc/ethers)")
      }
      return [.ethernet(bytes)]
    }
    let addresses: [[UInt8]]
    switch names.addresses(name) {
    case .success(let found): addresses = found
    case .failure(let failure): throw error(primitive, failure.reason)
    }
    guard !addresses.isEmpty else { throw error(primitive, "there is no host named '\(name)'") }
    var hosts: [FilterHost] = []
    for address in addresses {
      if address.count == 4, qualifiers.protocol != .ip6 {
        hosts.append(try ipv4(Self.number(address[...]), .max, qualifiers, primitive))
      } else if address.count == 16, qualifiers.protocol == nil || qualifiers.protocol == .ip6 {
        hosts.append(try ipv6(address, prefixLength: 128, qualifiers, primitive))
      }
    }
    guard !hosts.isEmpty else { throw error(primitive, "'\(name)' has no address of that family") }
    return hosts
  }

  private func ipv4(
    _ value: UInt32, _ mask: UInt32, _ qualifiers: FilterQualifiers, _ primitive: FilterPrimitive
  ) throws(FilterError) -> FilterHost {
    switch qualifiers.protocol {
    case nil, .ip?, .arp?, .rarp?: return .ipv4(value, mask: mask)
    case let name?: throw error(primitive, "'\(name == .link ? "ether" : name.rawValue)' has no IPv4 addresses")
    }
  }

  private func ipv6(
    _ bytes: [UInt8], prefixLength: UInt32, _ qualifiers: FilterQualifiers, _ primitive: FilterPrimitive
  ) throws(FilterError) -> FilterHost {
    switch qualifiers.protocol {
    case nil, .ip6?: break
    case let name?: throw error(primitive, "'\(name == .link ? "ether" : name.rawValue)' has no IPv6 addresses")
    }
    let host = FilterHost.ipv6(bytes, prefixLength: prefixLength)
    guard
      (0..<4).allSatisfy({
        Self.number(bytes[4 * $0..<4 * $0 + 4]) & ~Self.mask(ofWord: $0, prefixLength) == 0
      })
    else {
      throw error(primitive, "the address has bits that /\(prefixLength) leaves to the hosts")
    }
    guard qualifiers.kind == .net || qualifiers.kind == nil || prefixLength == 128 else {
      throw error(primitive, "a prefix length makes a network of it: write 'net'")
    }
    return host
  }

  /// Which bits of one of an IPv6 address's four numbers a prefix has.
  private static func mask(ofWord word: Int, _ prefixLength: UInt32) -> UInt32 {
    let bits = UInt32(max(0, min(32, Int(prefixLength) - 32 * word)))
    return bits == 0 ? 0 : UInt32.max << (32 - bits)
  }

  /// Fewer are asked for one after the other.
  private static let listCount = 16

  /// Any of some hosts.
  func predicate(_ hosts: [FilterHost], _ qualifiers: FilterQualifiers) -> Predicate {
    func alone(_ hosts: [FilterHost]) -> Predicate { .any(hosts.map { predicate([$0], alike: $0, qualifiers) }) }
    guard hosts.count >= Self.listCount, qualifiers.direction != .both else { return alone(hosts) }
    var groups: [[FilterHost]] = []
    for host in hosts {
      if let place = groups.firstIndex(where: { host.isAlike($0[0]) }) {
        groups[place].append(host)
      } else {
        groups.append([host])
      }
    }
    return .any(
      groups.flatMap { group in
        if group.count < Self.listCount { return [alone(group)] }
        // The first one asks for both addresses of IPv4, of which a packet may lack the second, before the others do.
        guard case .ipv4 = group[0] else { return [predicate(group, alike: group[0], qualifiers)] }
        return [alone([group[0]]), predicate(Array(group.dropFirst()), alike: group[0], qualifiers)]
      })
  }

  /// - Parameter first: of the same kind as all of them.
  private func predicate(_ hosts: [FilterHost], alike first: FilterHost, _ qualifiers: FilterQualifiers) -> Predicate {
    switch first {
    case .ethernet:
      // The end first: makers of devices have the beginnings.
      let keys = hosts.flatMap { host -> [UInt32] in
        guard case .ethernet(let bytes) = host else { return [] }
        return [Self.number(bytes[2..<6]), Self.number(bytes[0..<2])]
      }
      func at(_ offset: UInt32) -> Predicate {
        .member([(.load(Load(.frame, offset + 2, 4)), .max), (.load(Load(.frame, offset, 2)), .max)], keys: keys)
      }
      return either(qualifiers.direction, at(6), at(0))
    case .ipv4(_, let mask):
      let values = hosts.compactMap { host in if case .ipv4(let value, _) = host { value } else { nil } }
      func at(_ name: FilterProtocol, _ source: UInt32, _ destination: UInt32) -> Predicate {
        func at(_ offset: UInt32) -> Predicate { .member([(.load(network(offset, 4)), mask)], keys: values) }
        return .all([isType(name), either(qualifiers.direction, at(source), at(destination))])
      }
      switch qualifiers.protocol {
      case .ip?: return at(.ip, 12, 16)
      case .arp?, .rarp?: return at(qualifiers.protocol ?? .arp, 14, 24)
      default: return .any([at(.ip, 12, 16), at(.arp, 14, 24), at(.rarp, 14, 24)])
      }
    case .ipv6(_, let prefixLength):
      let masks = (0..<4).map { Self.mask(ofWord: $0, prefixLength) }
      let words = (0..<4).filter { masks[$0] != 0 }
      let keys = hosts.flatMap { host -> [UInt32] in
        guard case .ipv6(let bytes, _) = host else { return [] }
        return words.map { Self.number(bytes[4 * $0..<4 * $0 + 4]) }
      }
      func at(_ offset: UInt32) -> Predicate {
        .member(words.map { (.load(network(offset + UInt32(4 * $0), 4)), masks[$0]) }, keys: keys)
      }
      return .all([isType(.ip6), either(qualifiers.direction, at(8), at(24))])
    }
  }

  /// One of the two addresses or both: what of each is to be asked.
  private func either(
    _ direction: FilterQualifiers.Direction?, _ source: Predicate, _ destination: Predicate
  ) -> Predicate {
    switch direction {
    case .source?: source
    case .destination?: destination
    case .both?: .all([source, destination])
    case nil, .either?: .any([source, destination])
    }
  }

  func ether(_ bytes: [UInt8], _ direction: FilterQualifiers.Direction?) -> Predicate {
    predicate([.ethernet(bytes)], alike: .ethernet(bytes), FilterQualifiers(direction: direction))
  }

  // MARK: Ports

  private func ports(
    _ qualifiers: FilterQualifiers, _ identity: FilterIdentity, _ primitive: FilterPrimitive
  ) throws(FilterError) -> Predicate {
    let (range, carriers) = try ports(of: identity, qualifiers, primitive)
    func at(_ load: Load) -> Predicate {
      guard range.count > 1 else { return .equal(.load(load), range.lowerBound) }
      return .all([
        .relation(.load(load), .atLeast, range.lowerBound), .not(.relation(.load(load), .greater, range.upperBound)),
      ])
    }
    func isCarried(at load: Load) -> Predicate {
      .any(carriers.map { .equal(.load(load), Self.numbers[$0] ?? 0) })
    }
    guard isExact else {
      return .all([
        .any(carriers.map { .equal(.found(.protocol), Self.numbers[$0] ?? 0) }), isNoLaterFragment,
        either(qualifiers.direction, at(transport(0, 2)), at(transport(2, 2))),
      ])
    }
    let overIPv6 = Predicate.all([
      isType(.ip6), isCarried(at: network(6, 1)),
      either(qualifiers.direction, at(network(40, 2)), at(network(42, 2))),
    ])
    let overIPv4 = Predicate.all([
      isType(.ip), isCarried(at: network(9, 1)), isNoLaterFragment,
      either(qualifiers.direction, at(transport(0, 2)), at(transport(2, 2))),
    ])
    return .any([overIPv6, overIPv4])
  }

  /// The ports, and the protocols that have them.
  func ports(
    of identity: FilterIdentity, _ qualifiers: FilterQualifiers, _ primitive: FilterPrimitive
  ) throws(FilterError) -> (ClosedRange<UInt32>, [FilterProtocol]) {
    let protocols: [FilterProtocol]
    switch qualifiers.protocol {
    case nil: protocols = [.tcp, .udp, .sctp]
    case .tcp?, .udp?, .sctp?: protocols = [qualifiers.protocol ?? .tcp]
    case let name?: throw error(primitive, "'\(name == .link ? "ether" : name.rawValue)' has no ports")
    }
    switch identity {
    case .number(let number):
      guard number <= 65535 else { throw error(primitive, "port \(number): the highest is 65535") }
      return (number...number, protocols)
    case .name(let name):
      if qualifiers.kind == .portRange, let dash = name.firstIndex(of: "-") {
        let (first, last) = (String(name[..<dash]), String(name[name.index(after: dash)...]))
        let (low, some) = try port(first, protocols, primitive)
        let (high, others) = try port(last, protocols, primitive)
        return (min(low, high)...max(low, high), some == others ? some : protocols)
      }
      let (number, carriers) = try port(name, protocols, primitive)
      return (number...number, carriers)
    default: throw error(primitive, "an address is no port")
    }
  }

  private func port(
    _ text: String, _ protocols: [FilterProtocol], _ primitive: FilterPrimitive
  ) throws(FilterError) -> (UInt32, [FilterProtocol]) {
    if let number = UInt32(text) {
      guard number <= 65535 else { throw error(primitive, "port \(number): the highest is 65535") }
      return (number, protocols)
    }
    guard let port = names.port(text) else {
      throw error(primitive, "there is no service named '\(text)' (/etc/services)")
    }
    let carriers: [FilterProtocol] =
      switch port.transport {
      case .tcp: [.tcp]
      case .udp: [.udp]
      case .both: protocols.count == 1 ? protocols : [.tcp, .udp, .sctp]
      }
    let both = protocols.filter(carriers.contains)
    guard !both.isEmpty else {
      throw error(primitive, "port '\(text)' is one of \(carriers.map(\.rawValue).joined(separator: ", ")) only")
    }
    return (UInt32(port.number), both)
  }

  // MARK: Protocols by number

  private func carries(
    _ qualifiers: FilterQualifiers, _ identity: FilterIdentity, _ primitive: FilterPrimitive
  ) throws(FilterError) -> Predicate {
    let number = try protocolNumber(of: identity, qualifiers, primitive)
    switch (qualifiers.kind, qualifiers.protocol) {
    case (.protocolChain?, nil): return .any([leads(to: number, from: .ip), leads(to: number, from: .ip6)])
    case (.protocolChain?, .ip?), (.protocolChain?, .ip6?):
      return leads(to: number, from: qualifiers.protocol ?? .ip)
    case (_, nil), (_, .ip?), (_, .ip6?): return carries(number, over: qualifiers.protocol)
    case (.protocol?, .link?): return try hasType(number, primitive)
    case (_, let name?):
      throw error(primitive, "'\(name == .link ? "ether" : name.rawValue)' carries no other protocol")
    }
  }

  func protocolNumber(
    of identity: FilterIdentity, _ qualifiers: FilterQualifiers, _ primitive: FilterPrimitive
  ) throws(FilterError) -> UInt32 {
    switch identity {
    case .number(let value): return value
    case .name(let name):
      let found =
        qualifiers.protocol == .link ? FilterNames.etherTypes[name] : names.protocolNumber(name).map(UInt32.init)
      guard let found else { throw error(primitive, "there is no protocol named '\(name)'") }
      return found
    default: throw error(primitive, "an address is no protocol")
    }
  }

  /// A header of a kind is among those that follow an IP header.
  private func leads(to number: UInt32, from version: FilterProtocol) -> Predicate {
    let chain = HeaderChain(isIPv6: version == .ip6, wanted: number, start: network(0, 1))
    return .all([isType(version), .equal(.chain(chain), number)])
  }

  /// Numbers up to 1500 are no types but lengths, and what follows is a header of 802.2, whose first byte is asked for.
  private func hasType(_ number: UInt32, _ primitive: FilterPrimitive) throws(FilterError) -> Predicate {
    if let protocols = linkHeader.protocols {
      let named = Self.etherTypes.first { $0.value == number }?.key
      return named.map { protocols.contains($0) ? isType($0) : .constant(false) } ?? .constant(false)
    }
    let longest: UInt32 = 1500
    switch number {
    case 0xe0, 0x809b, 0x80f3:
      throw unsupported(primitive, "IPX and AppleTalk come in forms that are not followed")
    case ...longest:
      let isLength = Predicate.not(.relation(etherType, .greater, longest))
      // These have the same byte twice, for both ends.
      if [0x06, 0xf0, 0xfe].contains(number) {
        return .all([isLength, .equal(.load(network(0, 2)), number << 8 | number)])
      }
      return .all([isLength, .equal(.load(network(0, 1)), number)])
    default:
      guard !isExact else { return .equal(etherType, number) }
      return .any([.equal(etherType, number), .equal(.load(Load(.frame, 12, 2)), number)])
    }
  }
}
