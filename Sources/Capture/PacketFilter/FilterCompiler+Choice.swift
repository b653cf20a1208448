import BPFInstructions

// One of several numbers: a binary search, for which nothing is read but once.
extension FilterCompiler {
  /// What a register is compared with, and the case that it stands for.
  private struct Target {
    let constant: UInt32
    let index: Int
  }

  /// Where ways leave a search: for each case, and for none.
  private struct Exits {
    var hits: [[Int]]
    var misses: [Int] = []
  }

  /// As many comparisons stand at the end of a search, where another half would save less than it costs.
  private static let leafCount = 4

  mutating func lay(
    _ choice: Predicate.Choice, _ ways: [Way], trueFirst: Bool
  ) throws(FilterError) -> (whenTrue: [Way], whenFalse: [Way]) {
    if choice.cases.count == 1, choice.cases[0].then == .constant(true), let (load, _) = choice.operand.maskedLoad,
      load.index == nil, choice.cases[0].values.count >= Self.longListCount
    {
      return try lay(
        Predicate.List(operands: [choice.operand], keys: choice.cases[0].values), ways, trueFirst: trueFirst)
    }
    var arriving = [[Way]](repeating: [], count: choice.cases.count)
    var (whenTrue, whenFalse, landing): ([Way], [Way], [Way]) = ([], [], [])
    for way in ways {
      if let value = way.facts.value(of: choice.operand) {
        let index = choice.cases.firstIndex { $0.values.contains(value) }
        if let index { arriving[index].append(way) } else { whenFalse.append(way) }
      } else {
        landing.append(way)
      }
    }
    var order = Array(choice.cases.indices)
    if !landing.isEmpty {
      let facts = meet(landing)
      if choice.operand.isWithinReach {
        let (next, misses) = try search(choice, facts, &arriving, trueFirst: trueFirst)
        whenFalse += misses
        // What the search ends before needs no jump.
        if let next { order = [next] + order.filter { $0 != next } }
      } else {
        rejecting(.jump(0))
      }
    }
    for index in order where !arriving[index].isEmpty {
      let (yes, no) = try lay(choice.cases[index].then, arriving[index], trueFirst: trueFirst)
      whenTrue += yes
      whenFalse += no
    }
    return (whenTrue, whenFalse)
  }

  /// - Returns: the case that the search just goes on to, and the ways of no case.
  private mutating func search(
    _ choice: Predicate.Choice, _ known: FilterFacts, _ arriving: inout [[Way]], trueFirst: Bool
  ) throws(FilterError) -> (next: Int?, misses: [Way]) {
    var facts = known
    let (knowledge, load) = (facts.known[choice.operand], choice.operand.maskedLoad)
    var targets: [Target] = []
    var possible: [[UInt32]] = []
    for (index, one) in choice.cases.enumerated() {
      let values = one.values.filter { value in
        // Bits outside are never set.
        knowledge?.allows(value) ?? true && load.map { value & ~($0.mask & $0.0.mask) == 0 } ?? true
      }
      targets += values.map { Target(constant: load?.0.inMemory($0) ?? $0, index: index) }
      possible.append(values)
    }
    try makeRoom(for: targets.count + targets.count / 2)
    if targets.count > Self.leafCount { targets.sort { $0.constant < $1.constant } }
    let anything = Predicate.Test(left: choice.operand, relation: .equal, right: .constant(0))
    let (register, _, _) = try evaluate(anything, &facts)
    var exits = Exits(hits: Array(repeating: [], count: choice.cases.count))
    let next = targets.popLast().map { last in
      search(targets[...], before: last, in: register, &exits)
      let isNext = trueFirst || choice.cases[last.index].then != .constant(true)
      let jump = Instruction.jump(
        if: register, isNext ? .notEqual : .equal, constant: last.constant, isWide: false)
      let (jumping, goingOn) = (leave(jump), goOn())
      exits.hits[last.index].append(isNext ? goingOn : jumping)
      exits.misses.append(isNext ? jumping : goingOn)
      return last.index
    }
    if next == nil { exits.misses.append(goOn()) }
    for (index, hits) in exits.hits.enumerated() where !hits.isEmpty {
      var known = facts
      known.learn(choice.operand, isOneOf: possible[index], isTrue: true)
      arriving[index].append(Way(numbers: hits, facts: known))
    }
    facts.learn(choice.operand, isOneOf: possible.flatMap { $0 }, isTrue: false)
    return (next, [Way(numbers: exits.misses, facts: facts)])
  }

  /// Compares with all but the last constant, which is `last`'s or, where there is none, the last one, too.
  private mutating func search(
    _ targets: ArraySlice<Target>, before last: Target?, in register: Register, _ exits: inout Exits
  ) {
    let count = targets.count + (last == nil ? 0 : 1)
    if count <= Self.leafCount {
      for target in targets {
        exits.hits[target.index].append(leave(.jump(if: register, .equal, constant: target.constant, isWide: false)))
      }
      if last == nil { exits.misses.append(leave(.jump(0))) }
      return
    }
    // All leaves but the last are full.
    let leaves = (count + Self.leafCount - 1) / Self.leafCount
    let middle = targets.startIndex + leaves / 2 * Self.leafCount
    let branch = code.count
    code.append(.jump(if: register, .greater, constant: targets[middle - 1].constant, isWide: false))
    search(targets[..<middle], before: nil, in: register, &exits)
    patch(branch)
    search(targets[middle...], before: last, in: register, &exits)
  }
}
