import BPFInstructions

/// Makes a function of eBPF from a predicate: `int filter(context, u32 length)`, 1 for a packet that matches and 0 for
/// one that does not. `context` begins with what `struct xdp_md` begins with: where the packet's bytes start and end.
/// For a frame in a buffer it is `int filter(u8 *frame, u32 captured, u32 length)`.
///
/// Each test is laid out once, in the order of the predicate. A way that leads to a test whose answer is known there goes
/// on behind it at once; so a list of hosts asks once whether the packet is IP, and a test that no way leads to is not
/// laid out at all.
///
///     r6   the packet           r8   the network header, where tags are looked through
///     r7   behind its end       r9   the transport header
///     r3, r4, r5                bytes of the packet that were asked for before, as they lie there
struct FilterCompiler {
  /// A way through the program that has not arrived yet.
  struct Way {
    /// Into `origins`: it may come from several places.
    let numbers: [Int]
    let facts: FilterFacts
  }

  var code: [Instruction] = []
  /// Where ways come from: a jump that is to be completed; `nil` for the one that just goes on behind the last instruction.
  private var origins: [Int?] = []
  /// The way that just goes on, while it leads nowhere yet.
  private var open: Int?
  /// Jumps to the place where nothing matches.
  var rejects: [Int] = []
  /// What the function for lists is asked for, by number, and where it is called.
  var lists: [FilterList] = []
  var listCalls: [Int] = []
  let expression: String
  let frame: FilterFrame
  /// Whether the verifier is kept from telling apart the ways through tags and extension headers, so that it does not
  /// follow all that comes behind once for each. It costs a few instructions, which only a long filter is worth.
  private(set) var hidesWays = false
  private static let longTestCount = 24
  /// Whether r8 and r9 are distances from the frame's start, and each load has a pointer of its own: by how far a packet was
  /// looked at behind a pointer, the verifier tells ways apart, too.
  private(set) var keepsDistances = false

  /// Jumps reach this far.
  private static let codeLimit = 32_000
  static let slotCount = 16
  static let length: Int16 = -8
  // Where what was found lies on the stack. The verifier keeps what is stored at the beginning of a slot of 8 bytes, and
  // nothing of what is stored behind it.
  var etherType: Int16 { hidesWays ? -12 : -16 }
  var `protocol`: Int16 { hidesWays ? -20 : -24 }
  var hasTransport: Int16 { hidesWays ? -28 : -32 }
  static let unknown: Int16 = -38
  static func slot(_ depth: Int) -> Int16 { Int16(-48 - 8 * depth) }
  /// Packets are never this long, and the verifier lets nobody look further.
  static let farthest: UInt32 = 0x7fff

  private init(_ expression: String, _ frame: FilterFrame) { (self.expression, self.frame) = (expression, frame) }

  /// - Throws: `matchesNothing` where no packet can match.
  static func compile(
    _ predicate: Predicate, of expression: String, in frame: FilterFrame
  ) throws(FilterError) -> FilterCode {
    var compiler = FilterCompiler(expression, frame)
    let needs = FilterNeeds(predicate)
    compiler.hidesWays = needs.testCount > longTestCount
    compiler.keepsDistances = compiler.hidesWays && frame == .packet && needs.network && !needs.chain
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
    let listStart = try compiler.appendLists()
    return FilterCode(instructions: compiler.code, listStart: listStart, listCalls: compiler.listCalls)
  }

  // MARK: Ways

  mutating func goingOn(_ facts: FilterFacts) -> Way { Way(numbers: [goOn()], facts: facts) }

  mutating func jumping(_ instruction: Instruction, _ facts: FilterFacts) -> Way {
    Way(numbers: [leave(instruction)], facts: facts)
  }

  mutating func goOn() -> Int {
    origins.append(nil)
    open = origins.count - 1
    return origins.count - 1
  }

  mutating func leave(_ jump: Instruction) -> Int {
    origins.append(code.count)
    code.append(jump)
    return origins.count - 1
  }

  mutating func rejecting(_ instruction: Instruction) {
    rejects.append(code.count)
    code.append(instruction)
  }

  mutating func patch(_ jump: Int) { code[jump].offset = Int16(truncatingIfNeeded: code.count - jump - 1) }

  /// Lets ways arrive here. What goes on to somewhere else gets a jump first.
  private mutating func land(_ ways: [Way]) {
    if let open, !ways.contains(where: { $0.numbers.contains(open) }) {
      origins[open] = code.count
      code.append(.jump(0))
    }
    open = nil
    for way in ways { for number in way.numbers { if let jump = origins[number] { patch(jump) } } }
  }

  /// - Returns: what is known where ways arrive.
  mutating func meet(_ ways: [Way]) -> FilterFacts {
    land(ways)
    return ways.dropFirst().reduce(ways.first?.facts ?? FilterFacts()) { $0.met($1.facts) }
  }

  // MARK: Predicates

  /// - Parameter trueFirst: whether what comes next is for packets that match so far.
  mutating func lay(
    _ predicate: Predicate, _ ways: [Way], trueFirst: Bool
  ) throws(FilterError) -> (whenTrue: [Way], whenFalse: [Way]) {
    try makeRoom(for: 0)
    switch predicate {
    case .constant(let isTrue): return isTrue ? (ways, []) : ([], ways)
    case .not(let inner):
      let (whenTrue, whenFalse) = try lay(inner, ways, trueFirst: !trueFirst)
      return (whenFalse, whenTrue)
    case .test(let test): return try lay(test, ways, trueFirst: trueFirst)
    case .choice(let choice): return try lay(choice, ways, trueFirst: trueFirst)
    case .list(let list): return try lay(list, ways, trueFirst: trueFirst)
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

  func makeRoom(for count: Int) throws(FilterError) {
    guard code.count + count < Self.codeLimit else {
      throw FilterError(
        expression, at: 0..<expression.utf8.count,
        .invalid("the filter takes more than \(Self.codeLimit) instructions, further than jumps reach"))
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
    if landing.isEmpty { return (whenTrue, whenFalse) }
    var facts = meet(landing)
    guard test.left.isWithinReach, test.right.isWithinReach else {
      rejecting(.jump(0))
      return (whenTrue, whenFalse)
    }
    let (left, condition, right) = try evaluate(test, &facts)
    let (isTrue, isFalse) = (facts.learning(test, isTrue: true), facts.learning(test, isTrue: false))
    let inverse: [Instruction.Condition: Instruction.Condition] = [
      .equal: .notEqual, .greater: .atMost, .atLeast: .less,
    ]
    func jump(_ condition: Instruction.Condition) -> Instruction {
      switch right {
      case .constant(let value): .jump(if: left, condition, constant: value, isWide: false)
      case .register: .jump(if: left, condition, .r1, isWide: false)
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

  enum Right {
    case constant(UInt32)
    /// `r1`
    case register
  }

  /// - Returns: what is asked of which register.
  mutating func evaluate(
    _ test: Predicate.Test, _ facts: inout FilterFacts
  ) throws(FilterError) -> (left: Register, Instruction.Condition, Right) {
    let condition: Instruction.Condition =
      switch test.relation {
      case .equal: .equal
      case .greater: .greater
      case .atLeast: .atLeast
      case .anyBit: .anyBit
      }
    if let value = facts.value(of: test.right) {
      // Whether bits are the same can be asked in any order of bytes, if it is the same on both sides.
      if condition == .equal || condition == .anyBit, let (load, mask) = test.left.maskedLoad {
        let register = try bytes(of: load, &facts)
        return masked(register, load, mask, condition, value)
      }
      try evaluate(test.left, &facts, depth: 0)
      return (.r0, condition, .constant(value))
    }
    try evaluate(test.left, &facts, depth: 0)
    code.append(.store(.double, .r10, Self.slot(0), .r0))
    try evaluate(test.right, &facts, depth: 1)
    code += [.move(.r1, .r0), .load(.double, .r0, .r10, Self.slot(0))]
    return (.r0, condition, .register)
  }

  /// Asks for bits of what an access has, as they lie in the packet.
  private mutating func masked(
    _ register: Register, _ load: Load, _ mask: UInt32, _ condition: Instruction.Condition, _ value: UInt32
  ) -> (left: Register, Instruction.Condition, Right) {
    let mask = mask & load.mask
    if condition == .anyBit { return (register, .anyBit, .constant(load.inMemory(value & mask))) }
    // Bits outside are never set.
    guard value & ~mask == 0 else {
      code.append(.move(.r0, constant: 0))
      return (.r0, .equal, .constant(1))
    }
    guard mask != load.mask else { return (register, .equal, .constant(load.inMemory(value))) }
    code += [
      .move(.r0, register),
      .arithmetic(.and, .r0, constant: Int32(bitPattern: load.inMemory(mask)), isWide: false),
    ]
    return (.r0, .equal, .constant(load.inMemory(value)))
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
  /// Bytes of the packet at a constant place, or some of their bits.
  var maskedLoad: (Load, mask: UInt32)? {
    switch self {
    case .load(let load): (load, .max)
    case .operation(.and, .load(let load), .constant(let mask)): (load, mask)
    default: nil
    }
  }

  /// Whether all that is read at constant places may be in a packet.
  var isWithinReach: Bool {
    switch self {
    case .constant, .length, .found, .chain: true
    case .negated(let inner): inner.isWithinReach
    case .operation(_, let left, let right): left.isWithinReach && right.isWithinReach
    case .load(let load): load.index?.isWithinReach ?? (load.offset < 0x7000)
    }
  }
}

extension Load {
  /// The bits that the access has.
  var mask: UInt32 { count == 4 ? .max : 1 << (8 * count) - 1 }

  /// A number of as many bytes, as it lies in a packet, read by a little-endian machine.
  func inMemory(_ value: UInt32) -> UInt32 {
    switch count {
    case 2: UInt32(UInt16(truncatingIfNeeded: value).byteSwapped)
    case 4: value.byteSwapped
    default: value
    }
  }
}
