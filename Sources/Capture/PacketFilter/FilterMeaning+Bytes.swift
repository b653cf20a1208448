// Numbers from packets.
extension FilterMeaning {
  /// A number, and what has to hold for it to mean anything: `tcp[0]` is asked of TCP only.
  private struct Value {
    var operand: Operand
    var guards: [Predicate] = []
  }

  func relation(
    _ relation: FilterRelation, _ left: FilterArithmetic, _ right: FilterArithmetic, _ primitive: FilterPrimitive
  ) throws(FilterError) -> Predicate {
    let (left, right) = (try value(left, primitive), try value(right, primitive))
    let test: Predicate =
      switch relation {
      case .equal: compare(left.operand, .equal, right.operand)
      case .notEqual: .not(compare(left.operand, .equal, right.operand))
      case .greater: compare(left.operand, .greater, right.operand)
      case .atMost: .not(compare(left.operand, .greater, right.operand))
      case .atLeast: compare(left.operand, .atLeast, right.operand)
      case .less: .not(compare(left.operand, .atLeast, right.operand))
      }
    return .all(left.guards + right.guards + [test])
  }

  private func compare(_ left: Operand, _ relation: Predicate.Test.Relation, _ right: Operand) -> Predicate {
    if case (.constant(let one), .constant(let other)) = (left, right) { return .constant(relation.holds(one, other)) }
    // `& MASK != 0` is what most flags are asked by.
    if relation == .equal, right == .constant(0), case .operation(.and, let bits, .constant(let mask)) = left {
      return .not(.test(Predicate.Test(left: bits, relation: .anyBit, right: .constant(mask))))
    }
    return .test(Predicate.Test(left: left, relation: relation, right: right))
  }

  private func value(_ arithmetic: FilterArithmetic, _ primitive: FilterPrimitive) throws(FilterError) -> Value {
    switch arithmetic {
    case .number(let number): return Value(operand: .constant(number))
    case .length: return Value(operand: .length)
    case .negated(let inner):
      let value = try value(inner, primitive)
      if case .constant(let number) = value.operand { return Value(operand: .constant(0 &- number)) }
      return Value(operand: .negated(value.operand), guards: value.guards)
    case .operation(let operation, let left, let right):
      let (left, right) = (try value(left, primitive), try value(right, primitive))
      if right.operand == .constant(0), operation == .divide || operation == .remainder {
        throw error(primitive, "division by zero")
      }
      // libpcap forgets what has to hold for the right side.
      let guards = isExact ? left.guards : left.guards + right.guards
      return Value(operand: Operand.folded(operation, left.operand, right.operand), guards: guards)
    case .bytes(let name, let at, let count):
      let index = try value(at, primitive)
      var (offset, variable): (UInt32, Operand?) = (0, nil)
      // A negative one leads back from the end of a header; sums are of 32 bits.
      if case .constant(let number) = index.operand, number < 1 << 31 {
        offset = number
      } else {
        variable = index.operand
      }
      let (load, own) = bytes(of: name, offset, count, variable)
      return Value(operand: .load(load), guards: index.guards + own)
    }
  }

  private func bytes(
    of name: FilterProtocol, _ offset: UInt32, _ count: UInt32, _ index: Operand?
  ) -> (Load, [Predicate]) {
    switch name {
    case .link: (Load(.frame, offset, count, index: index), [])
    case .ip, .ip6, .arp, .rarp: (network(offset, count, index: index), [isType(name)])
    case .icmp6:
      (
        isExact ? network(40 &+ offset, count, index: index) : transport(offset, count, index: index),
        isExact
          ? [isType(.ip6), .equal(.load(network(6, 1)), 58)]
          : [isType(.ip6), .equal(.found(.protocol), 58), isNoLaterFragment]
      )
    default:
      (
        transport(offset, count, index: index),
        isExact
          ? [isType(.ip), isProtocol(name), isNoLaterFragment]
          : (Self.version(under: name) == .ip ? [isType(.ip)] : [])
            + [.equal(.found(.protocol), Self.numbers[name] ?? 0), isNoLaterFragment]
      )
    }
  }
}

extension Predicate.Test.Relation {
  func holds(_ left: UInt32, _ right: UInt32) -> Bool {
    switch self {
    case .equal: left == right
    case .greater: left > right
    case .atLeast: left >= right
    case .anyBit: left & right != 0
    }
  }
}

extension Operand {
  /// An operation, or its result where that is the same for all packets. Nothing is read for what is multiplied by 0.
  static func folded(_ operation: FilterArithmetic.Operation, _ left: Operand, _ right: Operand) -> Operand {
    if case (.constant(let one), .constant(let other)) = (left, right), let result = operation.result(one, other) {
      return .constant(result)
    }
    if right == .constant(0), operation == .and || operation == .multiply { return .constant(0) }
    return .operation(operation, left, right)
  }
}

extension FilterArithmetic.Operation {
  /// In 32 bits without a sign; `nil` for a division by 0.
  func result(_ left: UInt32, _ right: UInt32) -> UInt32? {
    switch self {
    case .add: left &+ right
    case .subtract: left &- right
    case .multiply: left &* right
    case .divide: right == 0 ? nil : left / right
    case .remainder: right == 0 ? nil : left % right
    case .and: left & right
    case .or: left | right
    case .xor: left ^ right
    // Bits that are shifted out are gone.
    case .shiftLeft: right < 32 ? left << right : 0
    case .shiftRight: right < 32 ? left >> right : 0
    }
  }
}
