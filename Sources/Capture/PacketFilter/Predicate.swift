/// What a filter asks of a packet's bytes: the expression with all its names, protocols and qualifiers spelled out.
///
/// Where bytes are read that the packet does not have, and where something is divided by 0, the packet does not match,
/// whatever stands around: `not` does not turn that over.
indirect enum Predicate: Hashable, Sendable {
  case constant(Bool)
  case test(Test)
  case not(Predicate)
  case chain(first: Predicate, rest: [Link])
  case choice(Choice)
  case list(List)

  struct Link: Hashable, Sendable {
    let operation: FilterExpression.Link.Operation
    let predicate: Predicate
  }

  struct Test: Hashable, Sendable {
    enum Relation: Hashable, Sendable { case equal, greater, atLeast, anyBit }
    let left: Operand
    let relation: Relation
    let right: Operand
  }

  /// What is asked behind each of several numbers that an operand may be; behind any other the answer is no.
  struct Choice: Hashable, Sendable {
    struct Case: Hashable, Sendable {
      var values: [UInt32]
      let then: Predicate
    }
    let operand: Operand
    let cases: [Case]
  }

  /// Numbers that several operands may be together, such as the four parts of an IPv6 address.
  struct List: Hashable, Sendable {
    let operands: [Operand]
    /// One number for each operand, key after key.
    let keys: [UInt32]
  }

  static func all(_ predicates: [Predicate]) -> Predicate { joined(.and, predicates, empty: true) }
  static func any(_ predicates: [Predicate]) -> Predicate { joined(.or, predicates, empty: false) }

  private static func joined(
    _ operation: FilterExpression.Link.Operation, _ predicates: [Predicate], empty: Bool
  ) -> Predicate {
    guard let first = predicates.first else { return .constant(empty) }
    guard predicates.count > 1 else { return first }
    return .chain(first: first, rest: predicates.dropFirst().map { Link(operation: operation, predicate: $0) })
  }

  static func equal(_ left: Operand, _ value: UInt32) -> Predicate {
    .test(Test(left: left, relation: .equal, right: .constant(value)))
  }

  /// The bits of a mask are those of a value.
  static func equal(_ left: Operand, _ value: UInt32, mask: UInt32) -> Predicate {
    switch mask {
    case 0: .constant(value == 0)
    case .max: .equal(left, value)
    default: .equal(left.masked(by: mask), value)
    }
  }

  /// Of each operand the bits of a mask are those of the same one of some keys' numbers.
  /// - Parameter keys: one number for each operand, key after key.
  static func member(_ operands: [(operand: Operand, mask: UInt32)], keys: [UInt32]) -> Predicate {
    if keys.count == operands.count { return .all(zip(operands, keys).map { .equal($0.operand, $1, mask: $0.mask) }) }
    let asked = operands.filter { $0.mask != 0 }
    guard asked.count == operands.count, let first = asked.first else { return .constant(true) }
    guard asked.count > 1 else {
      return .choice(
        Choice(operand: first.operand.masked(by: first.mask), cases: [Choice.Case(values: keys, then: .constant(true))])
      )
    }
    return .list(List(operands: asked.map { $0.operand.masked(by: $0.mask) }, keys: keys))
  }

  static func relation(_ left: Operand, _ relation: Test.Relation, _ value: UInt32) -> Predicate {
    .test(Test(left: left, relation: relation, right: .constant(value)))
  }
}

/// A number of 32 bits without a sign, computed from a packet.
indirect enum Operand: Hashable, Sendable {
  case constant(UInt32)
  /// How long the frame was on the wire.
  case length
  case load(Load)
  /// What looking through tags and extension headers has found.
  case found(Finding)
  /// The header that a walk over headers ends at, by its number.
  case chain(HeaderChain)
  case negated(Operand)
  case operation(FilterArithmetic.Operation, Operand, Operand)

  enum Finding: Hashable, Sendable {
    /// The type behind all VLAN tags.
    case etherType
    /// The protocol behind all extension headers; `noProtocol` where this is no IP.
    case `protocol`
    /// 1 where the transport header is in this packet: no later fragment, and not behind too many headers.
    case hasTransport
  }

  static let noProtocol: UInt32 = 256

  func masked(by mask: UInt32) -> Operand { mask == .max ? self : .operation(.and, self, .constant(mask)) }
}

/// Bytes of a packet, the first being the highest.
struct Load: Hashable, Sendable {
  enum Base: Hashable, Sendable {
    case frame
    /// Behind an IPv4 header that begins at a constant place, as long as it says it is.
    case behindIPv4(at: UInt32)
    /// What looking through has found: the network header, and what follows it and its extension headers.
    case network
    case transport
  }

  let base: Base
  let offset: UInt32
  /// What is added to the offset, in 32 bits.
  let index: Operand?
  /// 1, 2 or 4
  let count: UInt32

  init(_ base: Base, _ offset: UInt32, _ count: UInt32, index: Operand? = nil) {
    (self.base, self.offset, self.index, self.count) = (base, offset, index, count)
  }
}
