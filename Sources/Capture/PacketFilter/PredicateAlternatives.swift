extension Predicate {
  /// With alternatives put together that begin alike: of `host a or host b` comes "IPv4, and a or b; else ARP, and a or
  /// b", and of many comparisons of the same bytes a choice.
  ///
  /// Which bytes are asked for, and in which order, stays, but for lists of addresses that are compared in parts: all that
  /// come first in a packet are compared first. Of a packet that is cut between the two addresses the first one can then
  /// match, before something of the second is missed.
  func gatheringAlternatives(depth: Int = 0) -> Predicate {
    guard depth < PredicateAlternatives.depthLimit else { return self }
    switch self {
    case .constant, .test, .choice, .list: return self
    case .not(let inner): return .not(inner.gatheringAlternatives(depth: depth + 1))
    case .chain(let first, let rest):
      var runs = [PredicateRun(nil, first)]
      for link in rest where !runs[runs.count - 1].takes(link) {
        runs.append(PredicateRun(link.operation, link.predicate))
      }
      let terms = runs.map { run in
        let any = PredicateAlternatives.predicate(run.terms, depth: depth + 1)
        return run.isNegated ? .not(any) : any
      }
      guard terms.count > 1 else { return terms[0] }
      return .chain(
        first: terms[0],
        rest: zip(runs, terms).dropFirst().map { Link(operation: $0.0.operation ?? .and, predicate: $0.1) })
    }
  }

  /// What `or` joins, each as what `and` joins.
  fileprivate func addAlternatives(to all: inout [[Predicate]]) {
    var parts: [Predicate] = []
    addConjuncts(to: &parts)
    if parts.count == 1 {
      if case .constant(false) = parts[0] { return }
      if case .chain(let first, let rest) = parts[0], rest.allSatisfy({ $0.operation == .or }) {
        first.addAlternatives(to: &all)
        for link in rest { link.predicate.addAlternatives(to: &all) }
        return
      }
    }
    all.append(parts)
  }

  private func addConjuncts(to all: inout [Predicate]) {
    switch self {
    case .constant(true): return
    case .chain(let first, let rest) where rest.allSatisfy({ $0.operation == .and }):
      first.addConjuncts(to: &all)
      for link in rest { link.predicate.addConjuncts(to: &all) }
    default: all.append(self)
    }
  }

  fileprivate var isTrue: Bool { if case .constant(true) = self { true } else { false } }

  /// Whether it reads nothing that a packet may lack which has so many bytes behind each base, and divides by nothing.
  fileprivate func isSafe(within reach: [Load.Base: UInt32]) -> Bool {
    switch self {
    case .constant: true
    case .not(let inner): inner.isSafe(within: reach)
    case .test(let test): test.left.isSafe(within: reach) && test.right.isSafe(within: reach)
    case .chain(let first, let rest):
      first.isSafe(within: reach) && rest.allSatisfy { $0.predicate.isSafe(within: reach) }
    case .choice(let choice):
      choice.operand.isSafe(within: reach) && choice.cases.allSatisfy { $0.then.isSafe(within: reach) }
    case .list(let list): list.operands.allSatisfy { $0.isSafe(within: reach) }
    }
  }
}

extension Operand {
  fileprivate func isSafe(within reach: [Load.Base: UInt32]) -> Bool {
    switch self {
    case .constant, .length, .found: true
    case .operation(.and, let left, let right): left.isSafe(within: reach) && right.isSafe(within: reach)
    case .load(let load): load.end.map { $0 <= reach[load.base, default: 0] } ?? false
    case .negated, .operation, .chain: false
    }
  }
}

extension Load {
  /// How far behind the base it reaches, where that is constant.
  fileprivate var end: UInt32? { index == nil ? offset.addingReportingOverflow(count).partialValue : nil }
}

/// Terms of a chain one behind the other that `or` joins; or that `and` joins, and all are negated: "neither a nor b" is
/// not "a or b".
private struct PredicateRun {
  let operation: FilterExpression.Link.Operation?
  private(set) var terms: [Predicate]
  private(set) var isNegated = false

  init(_ operation: FilterExpression.Link.Operation?, _ predicate: Predicate) {
    self.operation = operation
    if operation != .or, case .not(let inner) = predicate {
      (terms, isNegated) = ([inner], true)
    } else {
      terms = [predicate]
    }
  }

  mutating func takes(_ link: Predicate.Link) -> Bool {
    switch (link.operation, link.predicate) {
    case (.and, .not(let inner)) where isNegated: terms.append(inner)
    // Behind `and` a term is bound to what stands before it.
    case (.or, let predicate) where operation != .and && !isNegated: terms.append(predicate)
    default: return false
    }
    return true
  }
}

/// Terms that `or` joins, as groups that begin with the same question.
private struct PredicateAlternatives {
  /// What is nested deeper stays as it was written.
  static let depthLimit = 64

  private enum Head: Hashable {
    case value(of: Operand)
    case other(Predicate)
  }

  private struct Group {
    let head: Head
    /// What is asked behind each value, in the order in which they came.
    private(set) var answers: [(value: UInt32, rests: [Predicate])] = []
    private var places: [UInt32: Int] = [:]

    /// Of the first alternative.
    let widths: [UInt32]?

    init(head: Head, widths: [UInt32]?) { (self.head, self.widths) = (head, widths) }

    mutating func append(_ rest: Predicate, behind value: UInt32) {
      if let place = places[value] {
        answers[place].rests.append(rest)
      } else {
        places[value] = answers.count
        answers.append((value, [rest]))
      }
    }
  }

  private var gathered: [Predicate] = []
  private var groups: [Group] = []
  private var places: [Head: Int] = [:]
  /// Nothing has asked before for what the only group begins with: none but the other address of a packet may join it.
  private var isLeading = false
  /// The group that may ask for bytes that a packet lacks, and so comes last.
  private var rejecting: Head?
  /// What all packets that come here have been asked for.
  private var asked: Set<Operand> = []
  private var reach: [Load.Base: UInt32] = [:]
  private let depth: Int

  static func predicate(_ terms: [Predicate], depth: Int) -> Predicate {
    guard depth < depthLimit else { return .any(terms) }
    var alternatives: [[Predicate]] = []
    for term in terms { term.addAlternatives(to: &alternatives) }
    if alternatives.count == 1 { return .all(alternatives[0]).gatheringAlternatives(depth: depth + 1) }
    var all = PredicateAlternatives(depth: depth)
    for alternative in alternatives { all.append(alternative) }
    all.flush()
    return .any(all.gathered)
  }

  private init(depth: Int) { self.depth = depth }

  private mutating func append(_ alternative: [Predicate]) {
    let (first, rest) = (alternative.first ?? .constant(true), alternative.dropFirst())
    var (head, value, bytes): (Head, UInt32, Operand?) = (.other(first), 0, nil)
    if case .test(let test) = first, test.relation == .equal, case .constant(let constant) = test.right {
      (head, value) = (.value(of: test.left), constant)
      bytes = test.left.maskedLoad.map { .load($0.0) } ?? test.left
    }
    var place = places[head]
    if !isLeading || place == nil {
      let isAsked = place != nil || bytes.map(asked.contains) ?? false
      let isRejecting = !rest.allSatisfy { $0.isSafe(within: reach) }
      let others = isLeading ? groups[0] : rejecting.flatMap { $0 == head ? nil : places[$0] }.map { groups[$0] }
      let isPair = others?.widths.map { alternative.count > 1 && $0 == Self.widths(alternative) } ?? false
      if isLeading ? !isPair : !isAsked || others != nil && (isRejecting || !isPair) {
        flush()
        place = nil
      }
      isLeading = !isAsked && !isPair
      if isRejecting { rejecting = head }
      if let bytes, !isAsked {
        asked.insert(bytes)
        if case .load(let load) = bytes, let end = load.end {
          reach[load.base] = max(reach[load.base, default: 0], end)
        }
      }
    }
    if place == nil {
      places[head] = groups.count
      groups.append(Group(head: head, widths: Self.widths(alternative)))
    }
    groups[place ?? groups.count - 1].append(.all(Array(rest)), behind: value)
  }

  /// The widths of the parts that an address is compared in; `nil` for other alternatives.
  private static func widths(_ alternative: [Predicate]) -> [UInt32]? {
    var widths: [UInt32] = []
    for part in alternative {
      guard case .test(let test) = part, test.relation == .equal, let (load, _) = test.left.maskedLoad,
        load.index == nil, case .constant = test.right
      else { return nil }
      widths.append(load.count)
    }
    return widths
  }

  private mutating func flush() {
    gathered += groups.filter { $0.head != rejecting }.map(predicate)
    gathered += groups.filter { $0.head == rejecting }.map(predicate)
    (groups, places, isLeading, rejecting) = ([], [:], false, nil)
  }

  private func predicate(_ group: Group) -> Predicate {
    var cases: [Predicate.Choice.Case] = []
    var places: [[Predicate]: Int] = [:]
    // Behind what is true nothing is asked.
    let certain = group.answers.filter { $0.rests[0].isTrue }.map(\.value)
    if !certain.isEmpty { cases.append(Predicate.Choice.Case(values: certain, then: .constant(true))) }
    for answer in group.answers where !answer.rests[0].isTrue {
      if group.answers.count > 1, let place = places[answer.rests] {
        cases[place].values.append(answer.value)
      } else {
        if group.answers.count > 1 { places[answer.rests] = cases.count }
        let then = Self.predicate(answer.rests, depth: depth + 1)
        cases.append(Predicate.Choice.Case(values: [answer.value], then: then))
      }
    }
    let first: Predicate
    switch group.head {
    case .value(let operand) where group.answers.count > 1:
      return .choice(Predicate.Choice(operand: operand, cases: cases))
    case .value(let operand): first = .equal(operand, group.answers[0].value)
    case .other(let predicate): first = predicate.gatheringAlternatives(depth: depth + 1)
    }
    return cases[0].then.isTrue ? first : .all([first, cases[0].then])
  }
}
