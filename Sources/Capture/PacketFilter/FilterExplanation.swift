/// What a filter takes and what it cannot see, in plain words: a line for each term, indented below what joins them, and a
/// line for each kind of packets that the terms do not reach.
public struct FilterExplanation: Sendable {
  /// Two spaces for each level.
  public private(set) var terms: [String] = []
  /// In the order of `FilterLimit`.
  package let limits: [FilterLimit]

  /// Deeper ones are counted: a line of its own is of no help there, and they would be as wide as they are many.
  private static let depthLimit = 24

  private let meaning: FilterMeaning

  init(_ expression: FilterExpression?, _ meaning: FilterMeaning) {
    self.meaning = meaning
    guard let expression else {
      (terms, limits) = (["every packet"], [])
      return
    }
    limits = FilterLimit.applying(to: expression, meaning)
    var tagCount: UInt32 = 0
    write(expression, depth: 0, &tagCount)
  }

  // MARK: Terms

  private mutating func write(_ line: String, depth: Int) {
    terms.append(String(repeating: "  ", count: depth) + line)
  }

  private mutating func write(_ expression: FilterExpression, depth: Int, _ tagCount: inout UInt32) {
    guard depth < Self.depthLimit else { return skip([expression], depth: depth, &tagCount) }
    switch expression {
    case .primitive(let primitive):
      if case .vlan = primitive.kind { tagCount += 1 }
      write(FilterWords(meaning, tagCount: tagCount).text(primitive), depth: depth)
    case .not(let inner):
      write("not:", depth: depth)
      write(inner, depth: depth + 1, &tagCount)
    case .chain(let first, let rest): write(Self.runs(first, rest)[...], depth: depth, &tagCount)
    }
  }

  /// Terms of a chain that one operation joins. `a or b and c` is asked from the left: "a or b" is the first term of what
  /// `and` joins.
  private struct Run {
    let operation: FilterExpression.Link.Operation
    var terms: [FilterExpression]
  }

  private static func runs(_ first: FilterExpression, _ rest: [FilterExpression.Link]) -> [Run] {
    var runs: [Run] = []
    for link in rest {
      if runs.last?.operation == link.operation {
        runs[runs.count - 1].terms.append(link.term)
      } else {
        runs.append(Run(operation: link.operation, terms: (runs.isEmpty ? [first] : []) + [link.term]))
      }
    }
    return runs
  }

  private mutating func write(_ runs: ArraySlice<Run>, depth: Int, _ tagCount: inout UInt32) {
    guard let last = runs.last else { return }
    guard depth < Self.depthLimit else { return skip(runs.flatMap(\.terms), depth: depth, &tagCount) }
    write(last.operation == .and ? "all of:" : "any of:", depth: depth)
    write(runs.dropLast(), depth: depth + 1, &tagCount)
    for term in last.terms { write(term, depth: depth + 1, &tagCount) }
  }

  private mutating func skip(_ expressions: [FilterExpression], depth: Int, _ tagCount: inout UInt32) {
    var count = 0
    for expression in expressions {
      expression.forEachPrimitive { primitive in
        count += 1
        if case .vlan = primitive.kind { tagCount += 1 }
      }
    }
    write("(\(count) more, joined more than \(Self.depthLimit) levels deep)", depth: depth)
  }
}

extension FilterExplanation: CustomStringConvertible {
  public var description: String {
    var lines = ["takes" + (meaning.isExact ? ", with libpcap's meaning" : "")] + terms.map { "  " + $0 }
    if !limits.isEmpty { lines += ["cannot see"] + limits.map { "  \($0.text)" } }
    return lines.joined(separator: "\n")
  }
}

extension FilterExpression {
  /// In the order in which they are written.
  func forEachPrimitive(_ body: (FilterPrimitive) -> Void) {
    switch self {
    case .primitive(let primitive): body(primitive)
    case .not(let inner): inner.forEachPrimitive(body)
    case .chain(let first, let rest):
      first.forEachPrimitive(body)
      for link in rest { link.term.forEachPrimitive(body) }
    }
  }
}
