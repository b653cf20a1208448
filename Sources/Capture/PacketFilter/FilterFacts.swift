import BPFInstructions

/// What is known at a place in the program, whichever way leads there.
struct FilterFacts: Hashable {
  enum Knowledge: Hashable {
    case equal(UInt32)
    case none(of: Set<UInt32>)
  }

  /// Of operands that have been compared. Packets do not change, so that what was once true stays true.
  private var known: [Operand: Knowledge] = [:]
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
    if isTrue {
      guard known.count < Self.limit || known[test.left] != nil else { return }
      known[test.left] = .equal(value)
      return
    }
    switch known[test.left] {
    case .equal?: break
    case .none(of: let others)?:
      if others.count < Self.limit { known[test.left] = .none(of: others.union([value])) }
    case nil: if known.count < Self.limit { known[test.left] = .none(of: [value]) }
    }
  }

  /// What a test comes to where that is known.
  func decision(_ test: Predicate.Test) -> Bool? {
    if let answer = answers[test] { return answer }
    guard let right = value(of: test.right) else { return nil }
    if let left = value(of: test.left) { return test.relation.holds(left, right) }
    if test.relation == .equal, case .none(of: let others)? = known[test.left], others.contains(right) { return false }
    return nil
  }

  func value(of operand: Operand) -> UInt32? {
    if case .equal(let value)? = known[operand] { return value }
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
      case (.equal(let value), .equal(let same)?) where value == same: met.known[operand] = one
      case (.none(of: let some), .none(of: let others)?):
        let both = some.intersection(others)
        if !both.isEmpty { met.known[operand] = .none(of: both) }
      case (.equal(let value), .none(of: let others)?) where !others.contains(value):
        met.known[operand] = .none(of: others)
      case (.none(of: let some), .equal(let value)?) where !some.contains(value): met.known[operand] = .none(of: some)
      default: break
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
}
