// Hosts, networks, ports and protocols.
extension FilterMeaning {
  func has(
    _ qualifiers: FilterQualifiers, _ identity: FilterIdentity, _ primitive: FilterPrimitive
  ) throws(FilterError) -> Predicate {
    switch qualifiers.kind {
    case nil, .host?, .net?: try hosts(qualifiers, identity, primitive)
    case .port?, .portRange?: try ports(qualifiers, identity, primitive)
    case .protocol?, .protocolChain?: try carries(qualifiers, identity, primitive)
    }
  }

  // MARK: Addresses

  private func hosts(
    _ qualifiers: FilterQualifiers, _ identity: FilterIdentity, _ primitive: FilterPrimitive
  ) throws(FilterError) -> Predicate {
    .any(try hosts(of: identity, qualifiers, primitive).map { predicate($0, qualifiers) })
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
    case .ipv4(let parts):
      let shift = UInt32(8 * (4 - parts.count))
      return [try ipv4(Self.value(parts), UInt32.max << shift, qualifiers, primitive)]
    case .ipv4Network(let parts, let prefixLength):
      guard prefixLength <= 32 else { throw error(primitive, "/\(prefixLength): an IPv4 prefix has 32 bits at most") }
      let mask = prefixLength == 0 ? 0 : UInt32.max << (32 - prefixLength)
      return [try masked(Self.value(parts), mask, "/\(prefixLength)", qualifiers, primitive)]
    case .ipv4Masked(let parts, let mask):
      return [try masked(Self.value(parts), Self.value(mask), "that mask", qualifiers, primitive)]
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

  private static func value(_ parts: [UInt32]) -> UInt32 {
    parts.reduce(0) { $0 << 8 | $1 } << UInt32(8 * (4 - parts.count))
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
    guard Self.words(of: bytes, prefixLength).allSatisfy({ $0.value & ~$0.mask == 0 }) else {
      throw error(primitive, "the address has bits that /\(prefixLength) leaves to the hosts")
    }
    guard qualifiers.kind == .net || qualifiers.kind == nil || prefixLength == 128 else {
      throw error(primitive, "a prefix length makes a network of it: write 'net'")
    }
    return host
  }

  /// Sixteen bytes as four numbers.
  private static func words(of bytes: [UInt8], _ prefixLength: UInt32) -> [(value: UInt32, mask: UInt32)] {
    (0..<4).map { word in
      let bits = UInt32(max(0, min(32, Int(prefixLength) - 32 * word)))
      return (number(bytes[4 * word..<4 * word + 4]), bits == 0 ? 0 : UInt32.max << (32 - bits))
    }
  }

  private func predicate(_ host: FilterHost, _ qualifiers: FilterQualifiers) -> Predicate {
    switch host {
    case .ethernet(let bytes): return ether(bytes, qualifiers.direction)
    case .ipv4(let value, let mask):
      func at(_ name: FilterProtocol, _ source: UInt32, _ destination: UInt32) -> Predicate {
        .all([
          isType(name),
          either(
            qualifiers.direction, .equal(.load(network(source, 4)), value, mask: mask),
            .equal(.load(network(destination, 4)), value, mask: mask)),
        ])
      }
      switch qualifiers.protocol {
      case .ip?: return at(.ip, 12, 16)
      case .arp?, .rarp?: return at(qualifiers.protocol ?? .arp, 14, 24)
      default: return .any([at(.ip, 12, 16), at(.arp, 14, 24), at(.rarp, 14, 24)])
      }
    case .ipv6(let bytes, let prefixLength):
      func at(_ offset: UInt32) -> Predicate {
        .all(
          Self.words(of: bytes, prefixLength).enumerated().map { index, word in
            .equal(.load(network(offset + UInt32(4 * index), 4)), word.value, mask: word.mask)
          })
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
    func at(_ offset: UInt32) -> Predicate {
      // The end first: makers of devices have the beginnings.
      .all([
        .equal(.load(Load(.frame, offset + 2, 4)), Self.number(bytes[2..<6])),
        .equal(.load(Load(.frame, offset, 2)), Self.number(bytes[0..<2])),
      ])
    }
    return either(direction, at(6), at(0))
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
