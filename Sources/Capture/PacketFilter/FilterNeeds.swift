/// What a program has to find out before its first test.
struct FilterNeeds {
  private(set) var length = false
  private(set) var frame = false
  private(set) var network = false
  private(set) var transport = false

  init(_ predicate: Predicate) { add(predicate) }

  private mutating func add(_ predicate: Predicate) {
    switch predicate {
    case .constant: break
    case .not(let inner): add(inner)
    case .test(let test):
      add(test.left)
      add(test.right)
    case .chain(let first, let rest):
      add(first)
      for link in rest { add(link.predicate) }
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
    case .chain(let chain): add(.load(chain.start))
    case .load(let load):
      frame = true
      if load.base == .network { network = true }
      if load.base == .transport { (network, transport) = (true, true) }
      if let index = load.index { add(index) }
    }
  }
}
