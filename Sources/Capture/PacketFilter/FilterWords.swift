/// The words for one term.
struct FilterWords {
  private let meaning: FilterMeaning
  /// How many tags the terms so far have stepped over, this one included.
  private let tagCount: UInt32

  init(_ meaning: FilterMeaning, tagCount: UInt32) { (self.meaning, self.tagCount) = (meaning, tagCount) }

  func text(_ primitive: FilterPrimitive) -> String {
    // What could not be put into words was refused before.
    let (words, isBehindTags) = (try? words(primitive)) ?? ("what pcap knows of it", false)
    guard isBehindTags, meaning.isExact, tagCount > 0 else { return words }
    return words + ", behind \(tagCount) VLAN tag\(tagCount == 1 ? "" : "s")"
  }

  /// - Returns: whether it is asked of what follows the Ethernet header, too.
  private func words(_ primitive: FilterPrimitive) throws(FilterError) -> (String, isBehindTags: Bool) {
    switch primitive.kind {
    case .isProtocol(let name): (Self.carried(name), true)
    case .has(let qualifiers, let identity):
      (try has(qualifiers, identity, primitive), qualifiers.protocol != .link || qualifiers.kind == .protocol)
    case .broadcast(.ip?):
      (
        "IPv4 to an address whose bits of the host are all 0 or all 1 (netmask \(Self.ipv4(meaning.netmask ?? 0)))",
        true
      )
    case .broadcast: ("frames to ff:ff:ff:ff:ff:ff, which is everybody", false)
    case .multicast(.ip?): ("IPv4 to a group (224.0.0.0 and above)", true)
    case .multicast(.ip6?): ("IPv6 to a group (ff00::/8)", true)
    case .multicast: ("frames to a group or to everybody", false)
    case .less(let count): ("at most \(count) bytes long on the wire", false)
    case .greater(let count): ("at least \(count) bytes long on the wire", false)
    case .vlan(let number):
      ("a VLAN tag\(number.map { " of VLAN \($0)" } ?? "")\(tagCount > 1 ? ", as tag number \(tagCount)" : "")", false)
    case .inbound: ("received", false)
    case .outbound: ("sent", false)
    case .relation(let relation, let left, let right): (self.relation(relation, left, right), true)
    }
  }

  // MARK: Protocols

  private static let names: [FilterProtocol: String] = [
    .link: "Ethernet", .ip: "IPv4", .ip6: "IPv6", .arp: "ARP", .rarp: "RARP", .tcp: "TCP", .udp: "UDP",
    .sctp: "SCTP", .icmp: "ICMP", .icmp6: "ICMPv6", .igmp: "IGMP", .igrp: "IGRP", .pim: "PIM", .vrrp: "VRRP",
    .carp: "CARP", .ah: "AH", .esp: "ESP",
  ]

  private static func name(_ name: FilterProtocol) -> String { names[name] ?? name.rawValue }

  private static func carried(_ name: FilterProtocol) -> String {
    guard let number = FilterMeaning.numbers[name] else { return self.name(name) }
    return "\(self.name(name)) (protocol \(number)) over \(versions(FilterMeaning.version(under: name)))"
  }

  private static func versions(_ version: FilterProtocol?) -> String {
    switch version {
    case .ip?: "IPv4"
    case .ip6?: "IPv6"
    default: "IPv4 or IPv6"
    }
  }

  // MARK: Names and numbers

  private func has(
    _ qualifiers: FilterQualifiers, _ identity: FilterIdentity, _ primitive: FilterPrimitive
  ) throws(FilterError) -> String {
    let direction =
      switch qualifiers.direction {
      case nil, .either?: "from or to"
      case .source?: "from"
      case .destination?: "to"
      case .both?: "both from and to"
      }
    switch qualifiers.kind {
    case .port?, .portRange?:
      let (range, carriers) = try meaning.ports(of: identity, qualifiers, primitive)
      let ports = range.count > 1 ? "a port of \(range.lowerBound) to \(range.upperBound)" : "port \(range.lowerBound)"
      return "\(Self.list(carriers.map(Self.name), "or")) \(direction) \(ports)\(written(identity))"
    case .protocol?, .protocolChain?:
      let number = try meaning.protocolNumber(of: identity, qualifiers, primitive)
      if qualifiers.protocol == .link { return Self.type(number) + written(identity) }
      let versions = Self.versions(qualifiers.protocol)
      return qualifiers.kind == .protocol
        ? "protocol \(number)\(written(identity)) over \(versions)"
        : "protocol \(number)\(written(identity)) among the headers that follow \(versions)"
    case nil, .host?, .net?:
      let hosts = try meaning.hosts(of: identity, qualifiers, primitive)
      // The same kinds of packets are named once.
      var kinds: [(kinds: String, addresses: [String])] = []
      for host in hosts {
        let (kind, address) = text(host, qualifiers)
        if kinds.last?.kinds == kind {
          kinds[kinds.count - 1].addresses.append(address)
        } else {
          kinds.append((kind, [address]))
        }
      }
      return Self.list(kinds.map { "\($0.kinds) \(direction) \(Self.list($0.addresses, "or"))" }, "or")
        + written(identity)
    }
  }

  /// The name that a number was written as.
  private func written(_ identity: FilterIdentity) -> String {
    guard case .name(let name) = identity, name.contains(where: \.isLetter) else { return "" }
    return " (\(name))"
  }

  private static func type(_ number: UInt32) -> String {
    number > 1500
      ? "EtherType 0x\(String(number, radix: 16))"
      : "a header of 802.2, whose service access point is 0x\(String(number, radix: 16))"
  }

  private func text(_ host: FilterHost, _ qualifiers: FilterQualifiers) -> (kinds: String, address: String) {
    switch host {
    case .ethernet(let bytes):
      return ("frames", bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: ":"))
    case .ipv4(let value, let mask):
      let kinds: [FilterProtocol] = qualifiers.protocol.map { [$0] } ?? [.ip, .arp, .rarp]
      let there = kinds.filter { meaning.linkHeader.protocols?.contains($0) ?? true }
      let length = mask == .max ? "" : Self.length(of: mask).map { "/\($0)" } ?? " mask \(Self.ipv4(mask))"
      return (Self.list((there.isEmpty ? kinds : there).map(Self.name), "or"), Self.ipv4(value) + length)
    case .ipv6(let bytes, let length): return ("IPv6", Self.ipv6(bytes) + (length == 128 ? "" : "/\(length)"))
    }
  }

  private static func ipv4(_ value: UInt32) -> String {
    [24, 16, 8, 0].map { "\(value >> $0 & 0xff)" }.joined(separator: ".")
  }

  private static func length(of mask: UInt32) -> Int? {
    let length = (~mask).leadingZeroBitCount
    return mask == (length == 0 ? 0 : UInt32.max << (32 - length)) ? length : nil
  }

  /// As RFC 5952 has it: the longest row of zeros left out.
  private static func ipv6(_ bytes: [UInt8]) -> String {
    let groups = stride(from: 0, to: 16, by: 2).map { UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]) }
    var longest = 0..<0
    var start = 0
    for index in 0...8 where index == 8 || groups[index] != 0 {
      if index - start > max(1, longest.count) { longest = start..<index }
      start = index + 1
    }
    func text(_ part: ArraySlice<UInt16>) -> String { part.map { String($0, radix: 16) }.joined(separator: ":") }
    guard !longest.isEmpty else { return text(groups[...]) }
    return text(groups[..<longest.lowerBound]) + "::" + text(groups[longest.upperBound...])
  }

  static func list(_ words: [String], _ word: String) -> String {
    guard let last = words.last, words.count > 1 else { return words.first ?? "" }
    return words.dropLast().joined(separator: ", ") + " \(word) " + last
  }

  // MARK: Bytes

  private func relation(_ relation: FilterRelation, _ left: FilterArithmetic, _ right: FilterArithmetic) -> String {
    let sign =
      switch relation {
      case .equal: "="
      case .notEqual: "!="
      case .greater: ">"
      case .atLeast: ">="
      case .less: "<"
      case .atMost: "<="
      }
    let asked = (askedOf(left) + askedOf(right)).reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
    let comparison = "\(Self.text(left)) \(sign) \(Self.text(right))"
    return asked.isEmpty ? comparison : "\(Self.list(asked, "and")) with \(comparison)"
  }

  /// What packets have to be for a number to mean anything.
  private func askedOf(_ arithmetic: FilterArithmetic) -> [String] {
    switch arithmetic {
    case .number, .length: []
    case .negated(let inner): askedOf(inner)
    // libpcap forgets those of the right side.
    case .operation(_, let left, let right): askedOf(left) + (meaning.isExact ? [] : askedOf(right))
    case .bytes(let name, let at, _):
      askedOf(at)
        + (name == .link
          ? []
          : FilterMeaning.numbers[name] == nil
            ? [Self.name(name)]
            : [
              "\(Self.name(name)) over"
                + " \(Self.versions(meaning.isExact && name != .icmp6 ? .ip : FilterMeaning.version(under: name)))"
            ])
    }
  }

  private static let signs: [FilterArithmetic.Operation: String] = [
    .add: "+", .subtract: "-", .multiply: "*", .divide: "/", .remainder: "%", .and: "&", .or: "|", .xor: "^",
    .shiftLeft: "<<", .shiftRight: ">>",
  ]

  private static func text(_ arithmetic: FilterArithmetic, isInner: Bool = false) -> String {
    switch arithmetic {
    case .number(let number): return "\(number)"
    case .length: return "len"
    case .bytes(let name, let at, let count):
      return "\(name == .link ? "ether" : name.rawValue)[\(text(at))\(count == 1 ? "" : ":\(count)")]"
    case .negated(let inner): return "-\(text(inner, isInner: true))"
    case .operation(let operation, let left, let right):
      let words = "\(text(left, isInner: true)) \(signs[operation] ?? "?") \(text(right, isInner: true))"
      return isInner ? "(\(words))" : words
    }
  }
}
