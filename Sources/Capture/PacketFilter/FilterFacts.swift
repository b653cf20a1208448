import BPFInstructions

/// What is known at a place in the program, whichever way leads there.
struct FilterFacts {
  /// Few values, each once.
  enum Knowledge {
    case one(of: [UInt32])
    case none(of: [UInt32])

    func allows(_ value: UInt32) -> Bool {
      switch self {
      case .one(let values): values.contains(value)
      case .none(let values): !values.contains(value)
      }
    }
  }

  /// Of operands that have been compared. Packets do not change, so that what was once true stays true.
  private(set) var known = ShortTable<Operand, Knowledge>()
  /// Of all other tests.
  private var answers = ShortTable<Predicate.Test, Bool>()
  /// How many bytes behind a pointer the packet is known to have.
  var reach = ShortTable<Load.Base, UInt32>()
  /// The IPv4 header that the pointer to the transport header was computed from.
  var transportOf: UInt32?

  /// What registers have of the packet, and which one is taken next.
  private var kept = ShortTable<Register, Load>()
  private var next = 0
  private static let registers: [Register] = [.r3, .r4, .r5]

  func register(of load: Load) -> Register? { kept.entries.first { $0.value == load }?.key }

  /// Has a register keep bytes, in the place of those that it kept before.
  mutating func keep(_ load: Load) -> Register {
    let register = Self.registers[next]
    next = (next + 1) % Self.registers.count
    kept[register] = load
    return register
  }

  /// The register is needed for something else.
  mutating func forget(_ register: Register) { kept[register] = nil }

  /// More is forgotten: a list of hundreds of hosts would make each step longer than the one before.
  private static let limit = 8

  mutating func learn(_ test: Predicate.Test, isTrue: Bool) {
    guard case .constant(let value) = test.right, test.relation == .equal else {
      if answers.entries.count < Self.limit { answers[test] = isTrue }
      return
    }
    learn(test.left, isOneOf: [value], isTrue: isTrue)
  }

  /// - Parameter values: what it may be according to what is known, each once.
  mutating func learn(_ operand: Operand, isOneOf values: [UInt32], isTrue: Bool) {
    let before = known[operand]
    guard known.entries.count < Self.limit || before != nil else { return }
    switch before {
    case _ where isTrue: if values.count <= Self.limit { known[operand] = .one(of: values) }
    case .one(let others)?: known[operand] = .one(of: others.filter { !values.contains($0) })
    case .none(let others)?:
      let more = values.prefix(Self.limit).filter { !others.contains($0) }
      known[operand] = .none(of: others + more.prefix(max(0, Self.limit - others.count)))
    case nil: known[operand] = .none(of: Array(values.prefix(Self.limit)))
    }
  }

  /// What a test comes to where that is known.
  func decision(_ test: Predicate.Test) -> Bool? {
    if let answer = answers[test] { return answer }
    guard let right = value(of: test.right) else { return nil }
    if let left = value(of: test.left) { return test.relation.holds(left, right) }
    if test.relation == .equal, let knowledge = known[test.left], !knowledge.allows(right) { return false }
    return nil
  }

  func value(of operand: Operand) -> UInt32? {
    if case .one(let values)? = known[operand], values.count == 1 { return values.first }
    switch operand {
    case .constant(let value): return value
    case .length, .load, .found, .chain: return nil
    case .negated(let inner): return value(of: inner).map { 0 &- $0 }
    case .operation(let operation, let left, let right):
      guard let left = value(of: left), let right = value(of: right) else { return nil }
      return operation.result(left, right)
    }
  }

  /// What holds on either of two ways.
  func met(_ other: FilterFacts) -> FilterFacts {
    var met = FilterFacts()
    for (operand, one) in known.entries {
      switch (one, other.known[operand]) {
      case (.one(let some), .one(let others)?):
        let either = some + others.filter { !some.contains($0) }
        if either.count <= Self.limit { met.known[operand] = .one(of: either) }
      case (.none(let some), .none(let others)?): met.know(operand, isNoneOf: some.filter(others.contains))
      case (.one(let some), .none(let others)?), (.none(let others), .one(let some)?):
        met.know(operand, isNoneOf: others.filter { !some.contains($0) })
      case (_, nil): break
      }
    }
    met.answers = answers.kept { other.answers[$0] == $1 }
    met.kept = kept.kept { other.kept[$0] == $1 }
    met.next = next
    for (base, length) in reach.entries {
      if let other = other.reach[base] { met.reach[base] = min(length, other) }
    }
    if transportOf == other.transportOf { met.transportOf = transportOf }
    if met.transportOf == nil, transportOf != nil || other.transportOf != nil {
      met.reach = met.reach.kept { base, _ in if case .behindIPv4 = base { false } else { true } }
    }
    return met
  }

  private mutating func know(_ operand: Operand, isNoneOf values: [UInt32]) {
    if !values.isEmpty { known[operand] = .none(of: values) }
  }
}
