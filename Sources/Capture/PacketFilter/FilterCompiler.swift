import BPFInstructions

/// Makes a function of eBPF from a predicate: `int filter(context, u32 length)`, 1 for a packet that matches and 0 for
/// one that does not. `context` begins with what `struct xdp_md` begins with: where the packet's bytes start and end.
///
/// Each test is laid out once, in the order of the expression. A way that leads to a test whose answer is known there goes
/// on behind it at once; so a list of hosts asks once whether the packet is IP, and a test that no way leads to is not
/// laid out at all.
///
///     r6   the packet           r8   the network header, where tags are looked through
///     r7   behind its end       r9   the transport header
struct FilterCompiler {
  /// A way through the program that has not arrived yet.
  private struct Way {
    /// Into `origins`.
    let number: Int
    let facts: FilterFacts
  }

  private(set) var code: [Instruction] = []
  /// Where ways come from: a jump that is to be completed; `nil` for the one that just goes on behind the last instruction.
  private var origins: [Int?] = []
  /// The way that just goes on, while it leads nowhere yet.
  private var open: Int?
  /// Jumps to the place where nothing matches.
  private var rejects: [Int] = []
  private let expression: String

  /// Jumps reach this far.
  private static let codeLimit = 32_000
  private static let slotCount = 16
  private static let length: Int16 = -8
  private static let etherType: Int16 = -16
  private static let `protocol`: Int16 = -24
  private static let hasTransport: Int16 = -32
  private static let unknown: Int16 = -40
  private static func slot(_ depth: Int) -> Int16 { Int16(-48 - 8 * depth) }
  /// Packets are never this long, and the verifier lets nobody look further.
  private static let farthest: UInt32 = 0x7fff

  private init(_ expression: String) { self.expression = expression }

  /// - Throws: `matchesNothing` where no packet can match.
  static func compile(_ predicate: Predicate, of expression: String) throws(FilterError) -> [Instruction] {
    var compiler = FilterCompiler(expression)
    let needs = FilterNeeds(predicate)
    compiler.begin(needs)
    let (accepted, refused) = try compiler.lay(predicate, [compiler.goingOn(FilterFacts())], trueFirst: true)
    guard !accepted.isEmpty else {
      throw FilterError(expression, at: 0..<expression.utf8.count, .matchesNothing)
    }
    compiler.land(accepted)
    compiler.code += [.move(.r0, constant: 1), .exit]
    if !refused.isEmpty || !compiler.rejects.isEmpty {
      if !refused.isEmpty { compiler.land(refused) }
      for jump in compiler.rejects { compiler.patch(jump) }
      compiler.code += [.move(.r0, constant: 0), .exit]
    }
    return compiler.code
  }

  // MARK: Ways

  private mutating func goingOn(_ facts: FilterFacts) -> Way {
    origins.append(nil)
    open = origins.count - 1
    return Way(number: origins.count - 1, facts: facts)
  }

  private mutating func jumping(_ instruction: Instruction, _ facts: FilterFacts) -> Way {
    origins.append(code.count)
    code.append(instruction)
    return Way(number: origins.count - 1, facts: facts)
  }

  private mutating func rejecting(_ instruction: Instruction) {
    rejects.append(code.count)
    code.append(instruction)
  }

  private mutating func patch(_ jump: Int) { code[jump].offset = Int16(truncatingIfNeeded: code.count - jump - 1) }

  /// Lets ways arrive here. What goes on to somewhere else gets a jump first.
  private mutating func land(_ ways: [Way]) {
    if let open, !ways.contains(where: { $0.number == open }) {
      origins[open] = code.count
      code.append(.jump(0))
    }
    open = nil
    for way in ways { if let jump = origins[way.number] { patch(jump) } }
  }

  // MARK: Predicates

  /// - Parameter trueFirst: whether what comes next is for packets that match so far.
  private mutating func lay(
    _ predicate: Predicate, _ ways: [Way], trueFirst: Bool
  ) throws(FilterError) -> (whenTrue: [Way], whenFalse: [Way]) {
    guard code.count < Self.codeLimit else {
      throw FilterError(
        expression, at: 0..<expression.utf8.count,
        .invalid("the filter takes more than \(Self.codeLimit) instructions, further than jumps reach"))
    }
    switch predicate {
    case .constant(let isTrue): return isTrue ? (ways, []) : ([], ways)
    case .not(let inner):
      let (whenTrue, whenFalse) = try lay(inner, ways, trueFirst: !trueFirst)
      return (whenFalse, whenTrue)
    case .test(let test): return try lay(test, ways, trueFirst: trueFirst)
    case .chain(let first, let rest):
      // Ways to each term, and to the end. From a true term the next `and` goes on, from a false one the next `or`.
      var pending = [[Way]](repeating: [], count: rest.count + 1)
      pending[0] = ways
      var (whenTrue, whenFalse): ([Way], [Way]) = ([], [])
      let (nextAnd, nextOr) = Self.followers(rest)
      for index in 0...rest.count {
        let term = index == 0 ? first : rest[index - 1].predicate
        let arriving = pending[index]
        pending[index] = []
        if arriving.isEmpty { continue }
        let isFollowedByAnd = index < rest.count ? rest[index].operation == .and : trueFirst
        let (yes, no) = try lay(term, arriving, trueFirst: isFollowedByAnd)
        if let place = nextAnd[index] { pending[place] += yes } else { whenTrue += yes }
        if let place = nextOr[index] { pending[place] += no } else { whenFalse += no }
      }
      return (whenTrue, whenFalse)
    }
  }

  /// For each term the next one that follows an `and`, and the next one that follows an `or`.
  private static func followers(_ rest: [Predicate.Link]) -> (and: [Int?], or: [Int?]) {
    var (and, or) = ([Int?](repeating: nil, count: rest.count + 1), [Int?](repeating: nil, count: rest.count + 1))
    for index in stride(from: rest.count - 1, through: 0, by: -1) {
      let isAnd = rest[index].operation == .and
      and[index] = isAnd ? index + 1 : and[index + 1]
      or[index] = isAnd ? or[index + 1] : index + 1
    }
    return (and, or)
  }

  private mutating func lay(
    _ test: Predicate.Test, _ ways: [Way], trueFirst: Bool
  ) throws(FilterError) -> (whenTrue: [Way], whenFalse: [Way]) {
    var (whenTrue, whenFalse, landing): ([Way], [Way], [Way]) = ([], [], [])
    for way in ways {
      switch way.facts.decision(test) {
      case true?: whenTrue.append(way)
      case false?: whenFalse.append(way)
      case nil: landing.append(way)
      }
    }
    guard let first = landing.first else { return (whenTrue, whenFalse) }
    land(landing)
    var facts = landing.dropFirst().reduce(first.facts) { $0.met($1.facts) }
    guard test.left.isWithinReach, test.right.isWithinReach else {
      rejecting(.jump(0))
      return (whenTrue, whenFalse)
    }
    let (condition, right) = try evaluate(test, &facts)
    let (isTrue, isFalse) = (facts.learning(test, isTrue: true), facts.learning(test, isTrue: false))
    let inverse: [Instruction.Condition: Instruction.Condition] = [
      .equal: .notEqual, .greater: .atMost, .atLeast: .less,
    ]
    func jump(_ condition: Instruction.Condition) -> Instruction {
      switch right {
      case .constant(let value): .jump(if: .r0, condition, constant: value, isWide: false)
      case .register: .jump(if: .r0, condition, .r1, isWide: false)
      }
    }
    if trueFirst, let opposite = inverse[condition] {
      whenFalse.append(jumping(jump(opposite), isFalse))
      whenTrue.append(goingOn(isTrue))
    } else {
      whenTrue.append(jumping(jump(condition), isTrue))
      whenFalse.append(goingOn(isFalse))
    }
    return (whenTrue, whenFalse)
  }

  private enum Right {
    case constant(UInt32)
    /// `r1`
    case register
  }

  /// Puts the left side into `r0`.
  private mutating func evaluate(
    _ test: Predicate.Test, _ facts: inout FilterFacts
  ) throws(FilterError) -> (Instruction.Condition, Right) {
    let condition: Instruction.Condition =
      switch test.relation {
      case .equal: .equal
      case .greater: .greater
      case .atLeast: .atLeast
      case .anyBit: .anyBit
      }
    if let value = facts.value(of: test.right) {
      // Whether bits are the same can be asked in any order of bytes, if it is the same on both sides.
      if condition == .equal || condition == .anyBit {
        if case .load(let load) = test.left {
          try self.load(load, &facts, depth: 0, swapped: false)
          return (condition, .constant(load.inMemory(value)))
        }
        if case .operation(.and, .load(let load), .constant(let mask)) = test.left {
          try self.load(load, &facts, depth: 0, swapped: false)
          mask == 0
            ? code.append(.move(.r0, constant: 0))
            : code.append(.arithmetic(.and, .r0, constant: Int32(bitPattern: load.inMemory(mask)), isWide: false))
          // Bits outside an access are never set.
          guard mask & load.mask != 0 || value == 0, value & ~load.mask == 0 else {
            code.append(.move(.r0, constant: 0))
            return (condition, .constant(1))
          }
          return (condition, .constant(load.inMemory(value)))
        }
      }
      try evaluate(test.left, &facts, depth: 0)
      return (condition, .constant(value))
    }
    try evaluate(test.left, &facts, depth: 0)
    code.append(.store(.double, .r10, Self.slot(0), .r0))
    try evaluate(test.right, &facts, depth: 1)
    code += [.move(.r1, .r0), .load(.double, .r0, .r10, Self.slot(0))]
    return (condition, .register)
  }

  // MARK: Operands

  /// Puts a number into `r0`.
  private mutating func evaluate(_ operand: Operand, _ facts: inout FilterFacts, depth: Int) throws(FilterError) {
    guard depth < Self.slotCount else {
      throw FilterError(
        expression, at: 0..<expression.utf8.count,
        .invalid("a computation needs more than \(Self.slotCount) intermediate results"))
    }
    if let value = facts.value(of: operand) { return code.append(.move(.r0, constant: value)) }
    switch operand {
    case .constant(let value): code.append(.move(.r0, constant: value))
    case .length: code.append(.load(.word, .r0, .r10, Self.length))
    case .found(.etherType): code.append(.load(.word, .r0, .r10, Self.etherType))
    case .found(.protocol): code.append(.load(.word, .r0, .r10, Self.protocol))
    case .found(.hasTransport): code.append(.load(.word, .r0, .r10, Self.hasTransport))
    case .load(let load): try self.load(load, &facts, depth: depth, swapped: true)
    case .negated(let inner):
      try evaluate(inner, &facts, depth: depth)
      code.append(.negate(.r0))
    case .operation(let operation, let left, let right):
      try evaluate(left, &facts, depth: depth)
      if let value = facts.value(of: right) {
        apply(operation, constant: value)
      } else {
        code.append(.store(.double, .r10, Self.slot(depth), .r0))
        try evaluate(right, &facts, depth: depth + 1)
        code += [.move(.r1, .r0), .load(.double, .r0, .r10, Self.slot(depth))]
        apply(operation)
      }
    }
  }

  private static let operations: [FilterArithmetic.Operation: Instruction.Arithmetic] = [
    .add: .add, .subtract: .subtract, .multiply: .multiply, .divide: .divide, .remainder: .remainder, .and: .and,
    .or: .or, .xor: .xor, .shiftLeft: .shiftLeft, .shiftRight: .shiftRight,
  ]

  /// `r0 = r0 OP value`
  private mutating func apply(_ operation: FilterArithmetic.Operation, constant value: UInt32) {
    switch operation {
    case .divide where value == 0, .remainder where value == 0:
      // What the packet computed is compared all the same by those who do not know that it is in vain.
      code.append(.move(.r1, constant: 0))
      rejecting(.jump(if: .r1, .equal, constant: 0, isWide: false))
    case .shiftLeft where value > 31, .shiftRight where value > 31: code.append(.move(.r0, constant: 0))
    default:
      code.append(
        .arithmetic(Self.operations[operation] ?? .add, .r0, constant: Int32(bitPattern: value), isWide: false))
    }
  }

  /// `r0 = r0 OP r1`
  private mutating func apply(_ operation: FilterArithmetic.Operation) {
    switch operation {
    case .divide, .remainder: rejecting(.jump(if: .r1, .equal, constant: 0, isWide: false))
    case .shiftLeft, .shiftRight:
      // The processor takes the lower five bits only.
      code += [.jump(if: .r1, .less, constant: 32, isWide: false, 1), .move(.r0, constant: 0)]
    default: break
    }
    code.append(.arithmetic(Self.operations[operation] ?? .add, .r0, .r1, isWide: false))
  }

  // MARK: The packet's bytes

  /// Puts bytes of the packet into `r0`.
  /// - Parameter swapped: as a number, not as they lie there.
  private mutating func load(
    _ load: Load, _ facts: inout FilterFacts, depth: Int, swapped: Bool
  ) throws(FilterError) {
    let width = Instruction.Width(rawValue: Int(load.count)) ?? .byte
    if let index = load.index {
      try evaluate(index, &facts, depth: depth)
      addIndex(load, &facts)
      code += [.move(.r2, .r1), .arithmetic(.add, .r2, constant: Int32(load.count))]
      rejecting(.jump(if: .r2, .greater, .r7))
      code.append(.load(width, .r0, .r1, 0))
    } else {
      let (pointer, start) = pointer(of: load, &facts)
      reach(load.base, pointer, start + load.count, &facts)
      code.append(.load(width, .r0, pointer, Int16(truncatingIfNeeded: start)))
    }
    if swapped, load.count > 1 { code.append(.bigEndian(.r0, bits: Int32(8 * load.count))) }
  }

  /// `r1 = ` where the bytes lie, of which `r0` is the variable part. Sums are of 32 bits, as pcap's are.
  private mutating func addIndex(_ load: Load, _ facts: inout FilterFacts) {
    var constant = load.offset
    var base: Register = .r6
    switch load.base {
    case .frame: break
    case .network: base = .r8
    case .transport: base = .r9
    case .behindIPv4(let at):
      reach(.frame, .r6, at + 1, &facts)
      code += [
        .load(.byte, .r1, .r6, Int16(truncatingIfNeeded: at)), .arithmetic(.and, .r1, constant: 15),
        .arithmetic(.shiftLeft, .r1, constant: 2), .arithmetic(.add, .r0, .r1, isWide: false),
      ]
      constant = constant &+ at
    }
    if constant != 0 { code.append(.arithmetic(.add, .r0, constant: Int32(bitPattern: constant), isWide: false)) }
    rejecting(.jump(if: .r0, .greater, constant: Self.farthest))
    code += [.move(.r1, base), .arithmetic(.add, .r1, .r0)]
  }

  /// The register that points to a base, and how far behind it a load begins.
  private mutating func pointer(of load: Load, _ facts: inout FilterFacts) -> (Register, UInt32) {
    switch load.base {
    case .frame: return (.r6, load.offset)
    case .network: return (.r8, load.offset)
    case .transport: return (.r9, load.offset)
    case .behindIPv4(let at):
      if facts.transportOf != at {
        reach(.frame, .r6, at + 1, &facts)
        code += [
          .load(.byte, .r1, .r6, Int16(truncatingIfNeeded: at)), .arithmetic(.and, .r1, constant: 15),
          .arithmetic(.shiftLeft, .r1, constant: 2), .move(.r9, .r6), .arithmetic(.add, .r9, .r1),
        ]
        if let old = facts.transportOf { facts.reach[.behindIPv4(at: old)] = nil }
        facts.transportOf = at
        facts.reach[load.base] = nil
      }
      return (.r9, load.offset + at)
    }
  }

  /// Rejects packets that have fewer bytes behind a pointer.
  private mutating func reach(_ base: Load.Base, _ pointer: Register, _ length: UInt32, _ facts: inout FilterFacts) {
    guard facts.reach[base, default: 0] < length else { return }
    code += [.move(.r1, pointer), .arithmetic(.add, .r1, constant: Int32(length))]
    rejecting(.jump(if: .r1, .greater, .r7))
    facts.reach[base] = length
  }

  // MARK: Looking through

  private mutating func begin(_ needs: FilterNeeds) {
    if needs.length { code.append(.store(.word, .r10, Self.length, .r2)) }
    if needs.frame { code += [.load(.word, .r6, .r1, 0), .load(.word, .r7, .r1, 4)] }
    if needs.network { findNetwork() }
    if needs.transport { findTransport() }
  }

  /// Steps over tags, and keeps the type behind them.
  private mutating func findNetwork() {
    code += [.move(.r8, .r6), .arithmetic(.add, .r8, constant: 14)]
    rejecting(.jump(if: .r8, .greater, .r7))
    code += [.load(.half, .r3, .r6, 12), .bigEndian(.r3, bits: 16)]
    var ends: [Int] = []
    for _ in 0..<2 {
      code += [
        .jump(if: .r3, .equal, constant: 0x8100, 3), .jump(if: .r3, .equal, constant: 0x88a8, 2),
        .jump(if: .r3, .equal, constant: 0x9100, 1),
      ]
      ends.append(code.count)
      code.append(.jump(0))
      code.append(.arithmetic(.add, .r8, constant: 4))
      rejecting(.jump(if: .r8, .greater, .r7))
      code += [.load(.half, .r3, .r8, -2), .bigEndian(.r3, bits: 16)]
    }
    for end in ends { patch(end) }
    code.append(.store(.word, .r10, Self.etherType, .r3))
  }

  /// Steps over the IP header and its extension headers, and keeps the protocol behind them.
  private mutating func findTransport() {
    // Where there is none, the pointer leads further than any packet.
    code += [
      .move(.r9, .r6), .arithmetic(.add, .r9, constant: Int32(Self.farthest)), .move(.r4, constant: Operand.noProtocol),
      .move(.r5, constant: 0),
    ]
    let toIPv4 = code.count
    code.append(.jump(if: .r3, .equal, constant: 0x0800))
    let toIPv6 = code.count
    code.append(.jump(if: .r3, .equal, constant: 0x86dd))
    var ends = [code.count]
    code.append(.jump(0))

    patch(toIPv4)
    code += [.move(.r1, .r8), .arithmetic(.add, .r1, constant: 20)]
    ends.append(code.count)
    code.append(.jump(if: .r1, .greater, .r7))
    code += [
      .load(.byte, .r4, .r8, 9), .load(.half, .r2, .r8, 6), .bigEndian(.r2, bits: 16),
      .arithmetic(.and, .r2, constant: 0x1fff),
    ]
    ends.append(code.count)
    code.append(.jump(if: .r2, .notEqual, constant: 0))
    code += [
      .load(.byte, .r1, .r8, 0), .arithmetic(.and, .r1, constant: 15), .arithmetic(.shiftLeft, .r1, constant: 2),
      .move(.r9, .r8), .arithmetic(.add, .r9, .r1), .move(.r5, constant: 1),
    ]
    ends.append(code.count)
    code.append(.jump(0))

    patch(toIPv6)
    code += [.move(.r1, .r8), .arithmetic(.add, .r1, constant: 40)]
    ends.append(code.count)
    code.append(.jump(if: .r1, .greater, .r7))
    code += [.load(.byte, .r4, .r8, 6), .move(.r2, .r8), .arithmetic(.add, .r2, constant: 40)]
    var found: [Int] = []
    for _ in 0..<8 { stepOverExtensionHeader(&found, &ends) }
    // Behind eight of them the search ends.
    let (hop, routing, destination, fragment, authentication): (UInt32, UInt32, UInt32, UInt32, UInt32) = (
      0, 43, 60, 44, 51
    )
    for number in [hop, routing, destination, fragment, authentication] {
      ends.append(code.count)
      code.append(.jump(if: .r4, .equal, constant: number))
    }
    for place in found { patch(place) }
    code += [.move(.r9, .r2), .move(.r5, constant: 1)]
    for end in ends { patch(end) }
    code += [.store(.word, .r10, Self.protocol, .r4), .store(.word, .r10, Self.hasTransport, .r5)]
  }

  /// `r4` is the header that comes next, `r2` points to it.
  private mutating func stepOverExtensionHeader(_ found: inout [Int], _ ends: inout [Int]) {
    // What each is long in, beside one or two more: 8 bytes or 4.
    let toFragment = code.count
    code.append(.jump(if: .r4, .equal, constant: 44))
    let toAuthentication = code.count
    code.append(.jump(if: .r4, .equal, constant: 51))
    code += [
      .jump(if: .r4, .equal, constant: 0, 3), .jump(if: .r4, .equal, constant: 43, 2),
      .jump(if: .r4, .equal, constant: 60, 1),
    ]
    found.append(code.count)
    code.append(.jump(0))
    var behind: [Int] = []
    checkExtensionHeader(&ends)
    code += [
      .load(.byte, .r1, .r2, 1), .arithmetic(.add, .r1, constant: 1), .arithmetic(.shiftLeft, .r1, constant: 3),
    ]
    behind.append(code.count)
    code.append(.jump(0))

    patch(toAuthentication)
    checkExtensionHeader(&ends)
    code += [
      .load(.byte, .r1, .r2, 1), .arithmetic(.add, .r1, constant: 2), .arithmetic(.shiftLeft, .r1, constant: 2),
    ]
    behind.append(code.count)
    code.append(.jump(0))

    patch(toFragment)
    checkExtensionHeader(&ends)
    code += [.load(.half, .r1, .r2, 2), .bigEndian(.r1, bits: 16), .arithmetic(.and, .r1, constant: 0xfff8)]
    let isFirst = code.count
    code.append(.jump(if: .r1, .equal, constant: 0))
    // Behind a later fragment's header there is no other header, only data.
    code.append(.load(.byte, .r4, .r2, 0))
    ends.append(code.count)
    code.append(.jump(0))
    patch(isFirst)
    code.append(.move(.r1, constant: 8))

    for jump in behind { patch(jump) }
    // The verifier would follow each kind of header by itself, through all that come behind. Of a part of what it saw
    // stored it knows nothing, so that all are one to it.
    code += [
      .store(.double, .r10, Self.unknown, .r1), .load(.half, .r1, .r10, Self.unknown),
      .arithmetic(.and, .r1, constant: 0xffc), .load(.byte, .r4, .r2, 0), .arithmetic(.add, .r2, .r1),
    ]
  }

  private mutating func checkExtensionHeader(_ ends: inout [Int]) {
    code += [.move(.r1, .r2), .arithmetic(.add, .r1, constant: 8)]
    ends.append(code.count)
    code.append(.jump(if: .r1, .greater, .r7))
  }
}

extension FilterFacts {
  fileprivate func learning(_ test: Predicate.Test, isTrue: Bool) -> FilterFacts {
    var facts = self
    facts.learn(test, isTrue: isTrue)
    return facts
  }
}

extension Operand {
  /// Whether all that is read at constant places may be in a packet.
  fileprivate var isWithinReach: Bool {
    switch self {
    case .constant, .length, .found: true
    case .negated(let inner): inner.isWithinReach
    case .operation(_, let left, let right): left.isWithinReach && right.isWithinReach
    case .load(let load): load.index?.isWithinReach ?? (load.offset < 0x7000)
    }
  }
}

extension Load {
  /// The bits that the access has.
  fileprivate var mask: UInt32 { count == 4 ? .max : 1 << (8 * count) - 1 }

  /// A number of as many bytes, as it lies in a packet, read by a little-endian machine.
  fileprivate func inMemory(_ value: UInt32) -> UInt32 {
    switch count {
    case 2: UInt32(UInt16(truncatingIfNeeded: value).byteSwapped)
    case 4: value.byteSwapped
    default: value
    }
  }
}
