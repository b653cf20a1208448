import BPFInstructions

// Long lists of addresses: a function that is called with a packet's numbers, wherever these were found. The verifier looks at a
// global function once and by itself, and not with each way that leads to it.
//
//     int filter_list(u32 list, u32 first, u32 second, u32 third, u32 fourth)     0 or 1
extension FilterCompiler {
  /// Shorter lists of single numbers are not worth a call.
  static let longListCount = 128
  private static let arguments: [Register] = [.r2, .r3, .r4, .r5]

  mutating func lay(
    _ list: Predicate.List, _ ways: [Way], trueFirst: Bool
  ) throws(FilterError) -> (whenTrue: [Way], whenFalse: [Way]) {
    var facts = meet(ways)
    let loads = list.operands.compactMap(\.maskedLoad)
    guard loads.count == list.operands.count, (1...Self.arguments.count).contains(loads.count),
      list.operands.allSatisfy(\.isWithinReach)
    else {
      rejecting(.jump(0))
      return ([], [])
    }
    for register in Self.arguments { facts.forget(register) }
    // The first word is asked for as others are; a packet that lacks the rest of an address is in no list.
    let (pointer, start) = approach(loads[0].0, &facts)
    var isFalse: [Way] = []
    let end = loads.map { $0.0.offset + $0.0.count }.max() ?? 0
    if end > loads[0].0.offset + loads[0].0.count {
      code += [.move(.r2, pointer), .arithmetic(.add, .r2, constant: Int32(end - loads[0].0.offset + start))]
      isFalse.append(jumping(.jump(if: .r2, .greater, .r7), facts))
    }
    for ((load, mask), register) in zip(loads, Self.arguments) {
      let place = Int16(truncatingIfNeeded: start + load.offset - loads[0].0.offset)
      code.append(.load(Instruction.Width(rawValue: Int(load.count)) ?? .byte, register, pointer, place))
      guard mask & load.mask != load.mask else { continue }
      code.append(.arithmetic(.and, register, constant: Int32(bitPattern: load.inMemory(mask)), isWide: false))
    }
    for register in Self.arguments.dropFirst(loads.count) { code.append(.move(register, constant: 0)) }
    // Lists of the same numbers, such as those of sources and of destinations, are one.
    let asked = FilterList(list.keys, of: loads.map(\.0))
    let number = lists.firstIndex(of: asked) ?? lists.count
    if number == lists.count { lists.append(asked) }
    code.append(.move(.r1, constant: UInt32(number)))
    listCalls.append(code.count)
    code.append(Instruction(opcode: Opcode.call, source: PseudoSource.call))
    let leaving = jumping(.jump(if: .r0, trueFirst ? .equal : .notEqual, constant: 0), facts)
    let staying = goingOn(facts)
    return trueFirst ? ([staying], isFalse + [leaving]) : ([leaving], isFalse + [staying])
  }

  /// Puts the function behind all else, and lets the calls lead there.
  /// - Returns: where it begins; `nil` where there is none.
  mutating func appendLists() throws(FilterError) -> Int? {
    guard !lists.isEmpty else { return nil }
    let start = code.count
    for call in listCalls { code[call].immediate = Int32(start - call - 1) }
    code.append(.move(.r0, constant: 0))
    let toOthers = lists.indices.dropFirst().map { number in
      code.append(.jump(if: .r1, .equal, constant: UInt32(number), isWide: false))
      return code.count - 1
    }
    var hits: [Int] = []
    for (number, list) in lists.enumerated() {
      if number > 0 { patch(toOthers[number - 1]) }
      try makeRoom(for: list.keyCount)
      search(list, Array(0..<list.keyCount)[...], Array(0..<list.wordCount), &hits)
    }
    try makeRoom(for: 0)
    for hit in hits { patch(hit) }
    code += [.move(.r0, constant: 1), .exit]
    return start
  }

  /// As many comparisons stand at the end of a search: the verifier takes longer for a shorter row of them.
  private static let leafCount = 8

  /// Goes on to no other place than a hit: `r0` is 0 where the function is left here.
  private mutating func search(_ list: FilterList, _ keys: ArraySlice<Int>, _ words: [Int], _ hits: inout [Int]) {
    guard let key = keys.first else { return }
    var words = words
    words.removeAll { word in
      guard list.isSame(word, in: keys) else { return false }
      code += [
        .jump(if: Self.arguments[word], .equal, constant: list.number(key, word), isWide: false, 1), .exit,
      ]
      return true
    }
    guard let word = list.best(of: words, for: keys) else {
      hits.append(code.count)
      return code.append(.jump(0))
    }
    search(list, list.groups(of: keys, by: word)[...], by: word, words.filter { $0 != word }, &hits)
  }

  /// - Parameter groups: of keys with the same number for a word, by that number, ascending.
  private mutating func search(
    _ list: FilterList, _ groups: ArraySlice<ArraySlice<Int>>, by word: Int, _ words: [Int], _ hits: inout [Int]
  ) {
    let register = Self.arguments[word]
    func number(_ group: ArraySlice<Int>) -> UInt32 { group.first.map { list.number($0, word) } ?? 0 }
    if groups.count <= Self.leafCount {
      for group in groups {
        let jump = code.count
        code.append(.jump(if: register, words.isEmpty ? .equal : .notEqual, constant: number(group), isWide: false))
        if words.isEmpty {
          hits.append(jump)
        } else {
          search(list, group, words, &hits)
          patch(jump)
        }
      }
      return code.append(.exit)
    }
    // All leaves but the last are full.
    let leaves = (groups.count + Self.leafCount - 1) / Self.leafCount
    let middle = groups.startIndex + leaves / 2 * Self.leafCount
    let branch = code.count
    code.append(.jump(if: register, .greater, constant: number(groups[middle - 1]), isWide: false))
    search(list, groups[..<middle], by: word, words, &hits)
    patch(branch)
    search(list, groups[middle...], by: word, words, &hits)
  }
}
