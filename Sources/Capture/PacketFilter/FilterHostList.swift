/// Hosts of terms one behind the other that say the same of them, and that `or` joins; or that `and` joins, and all are
/// negated. They are put together as soon as they are read: there may be thousands.
struct FilterHostList {
  private(set) var hosts: [FilterHost]
  /// What stands before the first one.
  let operation: FilterExpression.Link.Operation?
  let qualifiers: FilterQualifiers
  let isNegated: Bool

  init(
    _ hosts: [FilterHost], _ operation: FilterExpression.Link.Operation?, _ qualifiers: FilterQualifiers,
    _ isNegated: Bool
  ) {
    (self.hosts, self.operation, self.qualifiers, self.isNegated) = (hosts, operation, qualifiers, isNegated)
  }

  mutating func takes(
    _ others: [FilterHost], _ operation: FilterExpression.Link.Operation?, _ qualifiers: FilterQualifiers,
    _ isNegated: Bool
  ) -> Bool {
    // Behind the other operation a term is bound to what stands before it.
    let joining: FilterExpression.Link.Operation = isNegated ? .and : .or
    guard isNegated == self.isNegated, qualifiers == self.qualifiers, operation == joining,
      self.operation == nil || self.operation == joining
    else { return false }
    hosts += others
    return true
  }
}

extension FilterExpression {
  /// What is said of hosts, where nothing else is said.
  var hosts: (qualifiers: FilterQualifiers, isNegated: Bool)? {
    switch self {
    case .primitive(let primitive):
      guard case .has(let qualifiers, _) = primitive.kind else { return nil }
      switch qualifiers.kind {
      case nil, .host?, .net?: return (qualifiers, false)
      case .port?, .portRange?, .protocol?, .protocolChain?: return nil
      }
    case .not(.primitive(let primitive)):
      return FilterExpression.primitive(primitive).hosts.map { ($0.qualifiers, true) }
    case .not, .chain: return nil
    }
  }
}
