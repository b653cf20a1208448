/// Reads pcap-filter(7) expressions.
struct FilterParser {
  private let expression: String
  private let tokens: [FilterToken]
  /// For each opening parenthesis, its closing one.
  private let partners: [Int: Int]
  private var position = 0
  private var depth = 0

  /// Deeper parentheses, negations and indexes are refused: each level takes some of our own stack.
  private static let depthLimit = 200

  /// - Returns: `nil` for an expression without words, which every packet matches.
  static func parse(_ expression: String) throws(FilterError) -> FilterExpression? {
    guard expression.utf8.count <= 1 << 20 else {
      throw FilterError(expression, at: 0..<0, .invalid("the filter is longer than 1 MiB"))
    }
    var parser = try FilterParser(expression)
    guard !parser.tokens.isEmpty else { return nil }
    let result = try parser.chain(inheriting: nil)
    guard parser.next == nil else { throw parser.expected("'and', 'or' or the end") }
    return result.expression
  }

  private init(_ expression: String) throws(FilterError) {
    self.expression = expression
    tokens = try FilterLexer.tokens(of: expression)
    var partners: [Int: Int] = [:]
    var open: [Int] = []
    for (index, token) in tokens.enumerated() {
      if token.kind == .symbol(.open) { open.append(index) }
      if token.kind == .symbol(.close), let start = open.popLast() { partners[start] = index }
    }
    self.partners = partners
  }

  // MARK: Words

  private var next: FilterToken.Kind? { position < tokens.count ? tokens[position].kind : nil }
  private func ahead(_ count: Int) -> FilterToken.Kind? {
    position + count < tokens.count ? tokens[position + count].kind : nil
  }

  private func expected(_ what: String) -> FilterError {
    guard position < tokens.count else {
      let end = expression.utf8.count
      return FilterError(expression, at: end..<end, .expected(what, found: nil))
    }
    let range = tokens[position].range
    return FilterError(expression, at: range, .expected(what, found: text(of: range)))
  }

  private func text(of range: Range<Int>) -> String {
    String(decoding: Array(expression.utf8)[range].prefix(40), as: UTF8.self)
  }

  private func range(from start: Int) -> Range<Int> {
    tokens[start].range.lowerBound..<tokens[max(start, position - 1)].range.upperBound
  }

  private mutating func takes(_ keyword: FilterKeyword) -> Bool {
    guard next == .keyword(keyword) else { return false }
    position += 1
    return true
  }

  private mutating func takes(_ symbol: FilterSymbol) -> Bool {
    guard next == .symbol(symbol) else { return false }
    position += 1
    return true
  }

  private mutating func takesNot() -> Bool { takes(.not as FilterKeyword) || takes(.not as FilterSymbol) }

  private mutating func takesOperation() -> FilterExpression.Link.Operation? {
    if takes(.and as FilterKeyword) || takes(.and as FilterSymbol) { return .and }
    if takes(.or as FilterKeyword) || takes(.or as FilterSymbol) { return .or }
    return nil
  }

  private mutating func deeper<Value>(_ body: (inout Self) throws(FilterError) -> Value) throws(FilterError) -> Value {
    guard depth < Self.depthLimit else {
      throw FilterError(
        expression, at: tokens[min(position, tokens.count - 1)].range,
        .invalid("the filter is nested more than \(Self.depthLimit) levels deep"))
    }
    depth += 1
    defer { depth -= 1 }
    return try body(&self)
  }

  private mutating func number(_ what: String) throws(FilterError) -> UInt32 {
    if takes(.open) {
      let value = try deeper { (parser) throws(FilterError) in try parser.number(what) }
      guard takes(.close) else { throw expected("')'") }
      return value
    }
    guard case .number(let value)? = next else { throw expected(what) }
    position += 1
    return value
  }

  // MARK: Terms

  /// What was parsed, and the qualifiers that a bare name or number behind it takes over.
  private typealias Term = (expression: FilterExpression, qualifiers: FilterQualifiers?)

  private mutating func chain(inheriting inherited: FilterQualifiers?) throws(FilterError) -> Term {
    let first = try term(inheriting: inherited)
    var qualifiers = first.qualifiers
    var rest: [FilterExpression.Link] = []
    while let operation = takesOperation() {
      let next = try isIdentity(at: position) ? identity(qualifiers) : term(inheriting: qualifiers)
      rest.append(FilterExpression.Link(operation: operation, term: next.expression))
      qualifiers = next.qualifiers
    }
    return (rest.isEmpty ? first.expression : .chain(first: first.expression, rest: rest), qualifiers)
  }

  /// Whether a name, number or address stands there bare, perhaps negated or in parentheses.
  private func isIdentity(at start: Int) -> Bool {
    var index = start
    while index < tokens.count {
      switch tokens[index].kind {
      case .keyword(.not), .symbol(.not): index += 1
      case .symbol(.open):
        if isArithmetic(at: index) { return false }
        index += 1
      case .number: return !(index + 1 < tokens.count && Self.isOperator(tokens[index + 1].kind))
      case .name, .ipv4, .ipv6, .ethernet: return true
      default: return false
      }
    }
    return false
  }

  private static func isOperator(_ kind: FilterToken.Kind) -> Bool {
    guard case .symbol(let symbol) = kind else { return false }
    switch symbol {
    case .notEqual, .equal, .atLeast, .atMost, .shiftLeft, .shiftRight, .same, .less, .greater, .plus, .minus, .times,
      .divided, .modulo, .bitAnd, .bitOr, .bitXor:
      return true
    default: return false
    }
  }

  /// Whether what the parenthesis there holds is a number: an operator then follows the closing one.
  private func isArithmetic(at open: Int) -> Bool {
    guard let close = partners[open], close + 1 < tokens.count else { return false }
    if Self.isOperator(tokens[close + 1].kind) { return true }
    // `((ip[0]) = 1)` is no number, `((ip[0])) = 1` begins with one.
    guard tokens[close + 1].kind == .symbol(.close), open > 0, tokens[open - 1].kind == .symbol(.open),
      partners[open - 1] == close + 1
    else { return false }
    var outer = open - 1
    while outer > 0, tokens[outer - 1].kind == .symbol(.open), let end = partners[outer],
      partners[outer - 1] == end + 1
    { outer -= 1 }
    guard let end = partners[outer], end + 1 < tokens.count else { return false }
    return Self.isOperator(tokens[end + 1].kind)
  }

  private mutating func term(inheriting inherited: FilterQualifiers? = nil) throws(FilterError) -> Term {
    if takesNot() {
      let inner = try deeper { (parser) throws(FilterError) in try parser.term(inheriting: inherited) }
      return (.not(inner.expression), inner.qualifiers)
    }
    if next == .symbol(.open), !isArithmetic(at: position) {
      position += 1
      let inner = try deeper { (parser) throws(FilterError) in try parser.chain(inheriting: inherited) }
      guard takes(.close) else { throw expected("')', 'and' or 'or'") }
      return (inner.expression, inherited)
    }
    let start = position
    if let kind = try primitiveByKeyword() {
      return (.primitive(FilterPrimitive(kind: kind, range: range(from: start))), nil)
    }
    if let qualifiers = try head() { return try identity(qualifiers) }
    if case .keyword(let keyword)? = next, let name = FilterProtocol(keyword), ahead(1) != .symbol(.openBracket) {
      position += 1
      return (.primitive(FilterPrimitive(kind: .isProtocol(name), range: range(from: start))), nil)
    }
    return (try relation(), nil)
  }

  /// `broadcast`, `ip multicast`, `less 100`, `vlan 5`
  private mutating func primitiveByKeyword() throws(FilterError) -> FilterPrimitive.Kind? {
    guard case .keyword(let keyword)? = next else { return nil }
    if let name = FilterProtocol(keyword), case .keyword(let kind)? = ahead(1), kind == .broadcast || kind == .multicast
    {
      position += 2
      return kind == .broadcast ? .broadcast(name) : .multicast(name)
    }
    switch keyword {
    case .broadcast, .multicast:
      position += 1
      return keyword == .broadcast ? .broadcast(nil) : .multicast(nil)
    case .less, .greater:
      position += 1
      let count = try number("a number of bytes")
      return keyword == .less ? .less(count) : .greater(count)
    case .vlan:
      position += 1
      switch next {
      case .number: return .vlan(try number("a VLAN's number"))
      case .symbol(.open): return .vlan(try number("a VLAN's number"))
      default: return .vlan(nil)
      }
    case .inbound, .outbound:
      position += 1
      return keyword == .inbound ? .inbound : .outbound
    case .unsupported:
      throw FilterError(
        expression, at: tokens[position].range,
        .unsupported(
          "'\(text(of: tokens[position].range))' is not known here: filters are on Ethernet, VLAN, ARP and IP"))
    default: return nil
    }
  }

  /// The qualifiers before a name or number; `nil` where there are none, or only a protocol.
  private mutating func head() throws(FilterError) -> FilterQualifiers? {
    let start = position
    var qualifiers = FilterQualifiers()
    if case .keyword(let keyword)? = next, let name = FilterProtocol(keyword) {
      qualifiers.protocol = name
      position += 1
    }
    if takes(.proto as FilterKeyword) {
      qualifiers.kind = .protocol
      return qualifiers
    }
    if takes(.protochain as FilterKeyword) {
      qualifiers.kind = .protocolChain
      return qualifiers
    }
    if takes(.gateway as FilterKeyword) {
      throw FilterError(
        expression, at: range(from: start),
        .unsupported(
          "'gateway' is left out: it needs both addresses of a host; write them, as in"
            + " 'ether host 1:2:3:4:5:6 and not host 10.0.0.1'"))
    }
    qualifiers.direction = direction()
    let kinds: [(FilterKeyword, FilterQualifiers.Kind)] = [
      (.host, .host), (.net, .net), (.port, .port), (.portrange, .portRange),
    ]
    if let (_, kind) = kinds.first(where: { next == .keyword($0.0) }) {
      position += 1
      qualifiers.kind = kind
    }
    if qualifiers.direction == nil, qualifiers.kind == nil {
      position = start
      return nil
    }
    return qualifiers
  }

  /// `src`, `dst or src`
  private mutating func direction() -> FilterQualifiers.Direction? {
    let isSource = next == .keyword(.src)
    guard isSource || next == .keyword(.dst) else { return nil }
    position += 1
    guard ahead(1) == .keyword(isSource ? .dst : .src), let operation = takesOperation() else {
      return isSource ? .source : .destination
    }
    position += 1
    return operation == .and ? .both : .either
  }

  // MARK: Names and numbers

  private mutating func identity(_ qualifiers: FilterQualifiers?) throws(FilterError) -> Term {
    guard let qualifiers else {
      throw expected("what to look for: nothing before says whether this is a host, a net or a port; it takes 'host',")
    }
    if takesNot() {
      let inner = try deeper { (parser) throws(FilterError) in try parser.identity(qualifiers) }
      return (.not(inner.expression), qualifiers)
    }
    if takes(.open) {
      let inner = try deeper { (parser) throws(FilterError) in try parser.identities(qualifiers) }
      guard takes(.close) else { throw expected("')', 'and' or 'or'") }
      return (inner, qualifiers)
    }
    let start = position
    let identity = try atom(qualifiers)
    let primitive = FilterPrimitive(kind: .has(qualifiers, identity), range: range(from: start))
    return (.primitive(primitive), qualifiers)
  }

  private mutating func identities(_ qualifiers: FilterQualifiers) throws(FilterError) -> FilterExpression {
    let first = try identity(qualifiers).expression
    var rest: [FilterExpression.Link] = []
    while let operation = takesOperation() {
      rest.append(FilterExpression.Link(operation: operation, term: try identity(qualifiers).expression))
    }
    return rest.isEmpty ? first : .chain(first: first, rest: rest)
  }

  private mutating func atom(_ qualifiers: FilterQualifiers) throws(FilterError) -> FilterIdentity {
    let what: String
    switch qualifiers.kind {
    case nil, .host?: what = "a host's name or address"
    case .net?: what = "a network's address or name"
    case .port?: what = "a port's number or name"
    case .portRange?: what = "two ports with '-' between"
    case .protocol?, .protocolChain?: what = "a protocol's number or \\name"
    }
    guard let kind = next else { throw expected(what) }
    position += 1
    switch kind {
    case .number(let number): return .number(number)
    case .name(let name): return .name(name)
    case .ethernet(let bytes): return .ethernet(bytes)
    case .ipv4(let address):
      if takes(.divided) { return .ipv4Network(address, prefixLength: try number("a prefix length")) }
      guard takes(.mask as FilterKeyword) else { return .ipv4(address) }
      guard case .ipv4(let mask)? = next else { throw expected("a mask, such as 255.255.255.0") }
      position += 1
      return .ipv4Masked(address, mask: mask)
    case .ipv6(let bytes):
      guard takes(.divided) else { return .ipv6(bytes) }
      return .ipv6Network(bytes, prefixLength: try number("a prefix length"))
    case .keyword(let keyword):
      position -= 1
      if qualifiers.kind == .protocol || qualifiers.kind == .protocolChain, FilterProtocol(keyword) != nil {
        throw expected("\(what): '\\\(keyword.rawValue)' for a name that means something by itself; it")
      }
      throw expected(what)
    case .symbol:
      position -= 1
      throw expected(what)
    }
  }

  // MARK: Numbers from packets

  private mutating func relation() throws(FilterError) -> FilterExpression {
    let start = position
    let left = try arithmetic(least: 0)
    let relations: [(FilterSymbol, FilterRelation)] = [
      (.equal, .equal), (.same, .equal), (.notEqual, .notEqual), (.atLeast, .atLeast), (.atMost, .atMost),
      (.greater, .greater), (.less, .less),
    ]
    guard let (symbol, relation) = relations.first(where: { next == .symbol($0.0) }), takes(symbol) else {
      throw expected("a relation: =, !=, <, <=, > or >=")
    }
    let right = try arithmetic(least: 0)
    return .primitive(FilterPrimitive(kind: .relation(relation, left, right), range: range(from: start)))
  }

  /// How strongly operations bind. The two without a place in this order take all that follows for their right side.
  private static func strength(of symbol: FilterSymbol) -> (operation: FilterArithmetic.Operation, level: Int?)? {
    switch symbol {
    case .bitOr: (.or, 1)
    case .bitAnd: (.and, 2)
    case .shiftLeft: (.shiftLeft, 3)
    case .shiftRight: (.shiftRight, 3)
    case .plus: (.add, 4)
    case .minus: (.subtract, 4)
    case .times: (.multiply, 5)
    case .divided: (.divide, 5)
    case .bitXor: (.xor, nil)
    case .modulo: (.remainder, nil)
    default: nil
    }
  }

  private mutating func arithmetic(least: Int) throws(FilterError) -> FilterArithmetic {
    var left = try operand()
    var count = 0
    while case .symbol(let symbol)? = next, let (operation, level) = Self.strength(of: symbol), (level ?? .max) > least
    {
      let start = position
      position += 1
      let right = try deeper { (parser) throws(FilterError) in try parser.arithmetic(least: level ?? 0) }
      // A tree of pairs that grows to the left, each level of which takes some of our own stack later.
      count += 1
      guard count < Self.depthLimit else {
        throw FilterError(
          expression, at: tokens[start].range, .invalid("more than \(Self.depthLimit) operations in a row"))
      }
      if case .number(0) = right, operation == .divide || operation == .remainder {
        throw FilterError(expression, at: range(from: start), .invalid("division by zero"))
      }
      if case .number(let bits) = right, bits > 31, operation == .shiftLeft || operation == .shiftRight {
        throw FilterError(expression, at: range(from: start), .invalid("shift by more than 31 bits"))
      }
      left = .operation(operation, left, right)
    }
    return left
  }

  private mutating func operand() throws(FilterError) -> FilterArithmetic {
    let start = position
    if takes(.minus) { return .negated(try deeper { (parser) throws(FilterError) in try parser.operand() }) }
    if takes(.open) {
      let inner = try deeper { (parser) throws(FilterError) in try parser.arithmetic(least: 0) }
      guard takes(.close) else { throw expected("')' or an operation") }
      return inner
    }
    if takes(.len as FilterKeyword) { return .length }
    if case .number(let value)? = next {
      position += 1
      return .number(value)
    }
    guard case .keyword(let keyword)? = next, let name = FilterProtocol(keyword) else {
      throw expected("something to filter by, such as 'tcp', 'host', 'port' or 'ip[0]'")
    }
    position += 1
    guard takes(.openBracket) else { throw expected("'['") }
    let offset = try deeper { (parser) throws(FilterError) in try parser.arithmetic(least: 0) }
    var count: UInt32 = 1
    if takes(.colon) {
      let place = position
      count = try number("1, 2 or 4 bytes")
      guard [1, 2, 4].contains(count) else {
        throw FilterError(
          expression, at: tokens[place].range, .invalid("an access takes 1, 2 or 4 bytes, not \(count)"))
      }
    }
    guard takes(.closeBracket) else { throw expected("']', ':' or an operation") }
    guard name != .ah, name != .esp else {
      throw FilterError(
        expression, at: range(from: start), .unsupported("bytes of '\(name.rawValue)' cannot be taken by pcap's rules"))
    }
    return .bytes(of: name, at: offset, count: count)
  }
}

extension FilterProtocol {
  init?(_ keyword: FilterKeyword) {
    if keyword == .ether || keyword == .link { self = .link } else { self.init(rawValue: keyword.rawValue) }
  }
}
