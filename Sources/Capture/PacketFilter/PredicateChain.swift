/// Puts terms one behind the other. What is asked of the same kinds of packets stands together then: of `host a or host b`
/// comes "IPv4, and a or b; else ARP, and a or b", so that a list of hosts is a list of comparisons for each packet, and
/// none of them is jumped over.
struct PredicateChain {
  private var links: [(operation: FilterExpression.Link.Operation?, predicate: Predicate)] = []
  /// The last terms, as long as they are joined by `or` and ask under the same conditions.
  private var run: Run

  private struct Run {
    let operation: FilterExpression.Link.Operation?
    let conditions: [Predicate]
    /// What is asked under each.
    var questions: [[Predicate]]

    init(_ operation: FilterExpression.Link.Operation?, _ predicate: Predicate) {
      self.operation = operation
      // Behind `and` a term is bound to what stands before it.
      let alternatives = operation == .and ? [] : predicate.alternatives
      if alternatives.isEmpty {
        (conditions, questions) = ([], [[predicate]])
      } else {
        (conditions, questions) = (alternatives.map(\.condition), alternatives.map { [$0.question] })
      }
    }

    mutating func takes(_ operation: FilterExpression.Link.Operation, _ predicate: Predicate) -> Bool {
      guard operation == .or, !conditions.isEmpty else { return false }
      let alternatives = predicate.alternatives
      guard alternatives.map(\.condition) == conditions else { return false }
      for (index, alternative) in alternatives.enumerated() { questions[index].append(alternative.question) }
      return true
    }

    var predicate: Predicate {
      guard !conditions.isEmpty else { return questions[0][0] }
      return .any(zip(conditions, questions).map { .all([$0, .any($1)]) })
    }
  }

  init(_ first: Predicate) { run = Run(nil, first) }

  mutating func append(_ operation: FilterExpression.Link.Operation, _ predicate: Predicate) {
    if run.takes(operation, predicate) { return }
    links.append((run.operation, run.predicate))
    run = Run(operation, predicate)
  }

  var predicate: Predicate {
    let all = links + [(run.operation, run.predicate)]
    guard all.count > 1 else { return all[0].predicate }
    return .chain(
      first: all[0].predicate,
      rest: all.dropFirst().map { Predicate.Link(operation: $0.operation ?? .and, predicate: $0.predicate) })
  }
}

extension Predicate {
  /// What is asked, and under which condition: of `A and x or B and y`, x under A and y under B; none of other shapes.
  fileprivate var alternatives: [(condition: Predicate, question: Predicate)] {
    if let (condition, question) = conditional { return [(condition, question)] }
    guard case .chain(let first, let rest) = self, rest.allSatisfy({ $0.operation == .or }) else { return [] }
    let parts = ([first] + rest.map(\.predicate)).map(\.conditional)
    let found = parts.compactMap(\.self)
    return found.count == parts.count ? found : []
  }

  /// `A and B and x`: x under A and B.
  private var conditional: (condition: Predicate, question: Predicate)? {
    guard case .chain(let first, let rest) = self, let last = rest.last, rest.allSatisfy({ $0.operation == .and })
    else {
      return nil
    }
    let conditions = [first] + rest.dropLast().map(\.predicate)
    return (.all(conditions), last.predicate)
  }
}
