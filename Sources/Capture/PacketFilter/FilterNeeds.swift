/// What a program has to find out before its first test.
struct FilterNeeds {
  private(set) var length = false
  private(set) var frame = false
  private(set) var network = false
  private(set) var transport = false
  /// A walk over headers.
  private(set) var chain = false

  /// How many tests there are.
  private(set) var testCount = 0
  /// How far behind their bases loads reach.
  private var reach: UInt32 = 0
  private var hasIndex = false

  init(_ predicate: Predicate) { add(predicate) }

  /// How many bytes of a frame the program may look at, where headers are no longer than usual; 4096 where it computes
  /// what to look at.
  var room: Int { max(Int(reach) + Self.headers, hasIndex ? 4096 : 0) }
  /// Tags, an IPv4 header with all options or some extension headers.
  private static let headers = 256

  private mutating func add(_ predicate: Predicate) {
    switch predicate {
    case .constant: break
    case .not(let inner): add(inner)
    case .test(let test):
      testCount += 1
      add(test.left)
      add(test.right)
    case .chain(let first, let rest):
      add(first)
      for link in rest { add(link.predicate) }
    case .choice(let choice):
      add(choice.operand)
      for one in choice.cases { add(one.then) }
    case .list(let list): for operand in list.operands { add(operand) }
    }
  }

  private mutating func add(_ operand: Operand) {
    switch operand {
    case .constant: break
    case .length: length = true
    case .negated(let inner): add(inner)
    case .operation(_, let left, let right):
      add(left)
      add(right)
    case .found(.etherType): (frame, network) = (true, true)
    case .found: (frame, network, transport) = (true, true, true)
    case .chain(let chain):
      self.chain = true
      add(.load(chain.start))
    case .load(let load):
      frame = true
      if load.offset < FilterCompiler.farthest { reach = max(reach, load.offset + load.count) }
      if load.index != nil { hasIndex = true }
      if load.base == .network { network = true }
      if case .behindIPv4(let at) = load.base { reach = max(reach, min(at &+ load.offset, FilterCompiler.farthest)) }
      if load.base == .transport { (network, transport) = (true, true) }
      if let index = load.index { add(index) }
    }
  }
}
