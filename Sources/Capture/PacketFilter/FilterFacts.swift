import BPFInstructions

/// What is known at a place in the program, whichever way leads there.
struct FilterFacts: Hashable {
  enum Knowledge: Hashable {
    case one(of: Set<UInt32>)
    case none(of: Set<UInt32>)

    func allows(_ value: UInt32) -> Bool {
      switch self {
      case .one(let values): values.contains(value)
      case .none(let values): !values.contains(value)
      }
    }
  }

  /// Of operands that have been compared. Packets do not change, so that what was once true stays true.
  private(set) var known: [Operand: Knowledge] = [:]
  /// Of all other tests.
  private var answers: [Predicate.Test: Bool] = [:]
  /// How many bytes behind a pointer the packet is known to have.
  var reach: [Load.Base: UInt32] = [:]
  /// The IPv4 header that the pointer to the transport header was computed from.
  var transportOf: UInt32?

  /// What registers have of the packet, and which one is taken next.
  private var kept: [Register: Load] = [:]
  private var next = 0
  private static let registers: [Register] = [.r3, .r4, .r5]

  func register(of load: Load) -> Register? { kept.first { $0.value == load }?.key }

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
      if answers.count < Self.limit { answers[test] = isTrue }
      return
    }
    learn(test.left, isOneOf: [value], isTrue: isTrue)
  }

  /// - Parameter values: what it may be according to what is known.
  mutating func learn(_ operand: Operand, isOneOf values: Set<UInt32>, isTrue: Bool) {
    guard known.count < Self.limit || known[operand] != nil else { return }
    switch known[operand] {
    case _ where isTrue: if values.count <= Self.limit { known[operand] = .one(of: values) }
    case .one(let others)?: known[operand] = .one(of: others.subtracting(values))
    case .none(let others)?:
      known[operand] = .none(of: others.union(values.sorted().prefix(max(0, Self.limit - others.count))))
    case nil: known[operand] = .none(of: Set(values.sorted().prefix(Self.limit)))
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
    for (operand, one) in known {
      switch (one, other.known[operand]) {
      case (.one(let some), .one(let others)?):
        let either = some.union(others)
        if either.count <= Self.limit { met.known[operand] = .one(of: either) }
      case (.none(let some), .none(let others)?): met.know(operand, isNoneOf: some.intersection(others))
      case (.one(let some), .none(let others)?), (.none(let others), .one(let some)?):
        met.know(operand, isNoneOf: others.subtracting(some))
      case (_, nil): break
      }
    }
    met.answers = answers.filter { other.answers[$0.key] == $0.value }
    met.kept = kept.filter { other.kept[$0.key] == $0.value }
    met.next = next
    for (base, length) in reach {
      if let other = other.reach[base] { met.reach[base] = min(length, other) }
    }
    if transportOf == other.transportOf { met.transportOf = transportOf }
    if met.transportOf == nil, transportOf != nil || other.transportOf != nil {
      for case .behindIPv4(let at) in met.reach.keys { met.reach[.behindIPv4(at: at)] = nil }
    }
    return met
  }

  private mutating func know(_ operand: Operand, isNoneOf values: Set<UInt32>) {
    if !values.isEmpty { known[operand] = .none(of: values) }
  }
}
