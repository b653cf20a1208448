import BPFInstructions

// Headers one behind the other, until one of a kind comes.
extension FilterCompiler {
  /// Puts the number into `r0` that a walk ends with.
  mutating func follow(_ chain: HeaderChain, _ facts: inout FilterFacts) {
    // As where extension headers are measured: `r4` is the header that comes next, `r2` points to it.
    facts.forget(.r4)
    let (pointer, start) = pointer(of: chain.start, &facts)
    let place = Int16(truncatingIfNeeded: start)
    reach(chain.start.base, pointer, start + (chain.isIPv6 ? 7 : 10), &facts)
    var (others, ends): ([Int], [Int]) = ([], [])
    code.append(.load(.byte, .r4, pointer, place + (chain.isIPv6 ? 6 : 9)))
    if !chain.isIPv6, !chain.isExact {
      code += [
        .load(.half, .r1, pointer, place + 6), .bigEndian(.r1, bits: 16), .arithmetic(.and, .r1, constant: 0x1fff),
      ]
      leaving(.jump(if: .r1, .notEqual, constant: 0), &ends)
    }
    code += [.move(.r2, pointer), .arithmetic(.add, .r2, constant: Int32(start) + (chain.isIPv6 ? 40 : 0))]
    if !chain.isIPv6 {
      code += [
        .load(.byte, .r1, pointer, place), .arithmetic(.and, .r1, constant: 15),
        .arithmetic(.shiftLeft, .r1, constant: 2), .arithmetic(.add, .r2, .r1),
      ]
    }
    for _ in 0..<HeaderChain.limit {
      leaving(.jump(if: .r4, .equal, constant: chain.wanted, isWide: false), &ends)
      if chain.isIPv6, !chain.isExact {
        stepOverExtensionHeader(&others, &ends)
      } else {
        step(chain, pointer, start, &ends)
      }
    }
    for place in others + ends { patch(place) }
    code.append(.move(.r0, .r4))
  }

  private mutating func leaving(_ jump: Instruction, _ ends: inout [Int]) {
    ends.append(code.count)
    code.append(jump)
  }

  /// Steps over one header: over IPv4 only those of authentication are some.
  private mutating func step(_ chain: HeaderChain, _ pointer: Register, _ start: UInt32, _ ends: inout [Int]) {
    var toEights: [Int] = []
    if chain.isIPv6 {
      for number: UInt32 in [0, 60, 43, 44] { leaving(.jump(if: .r4, .equal, constant: number), &toEights) }
    }
    leaving(.jump(if: .r4, .notEqual, constant: 51), &ends)
    measure(chain, adding: 2, shift: 2, &ends)
    code.append(.load(.byte, .r4, .r2, 0))
    if chain.isExact {
      code += [.move(.r2, pointer), .arithmetic(.add, .r2, constant: Int32(start))]
    }
    code.append(.arithmetic(.add, .r2, .r1))
    guard !toEights.isEmpty else { return }
    let behind = code.count
    code.append(.jump(0))
    for jump in toEights { patch(jump) }
    measure(chain, adding: 1, shift: 3, &ends)
    code += [.load(.byte, .r4, .r2, 0), .arithmetic(.add, .r2, .r1)]
    patch(behind)
  }

  /// Puts the length of a header into `r1`, computed from its second byte.
  private mutating func measure(_ chain: HeaderChain, adding: Int32, shift: Int32, _ ends: inout [Int]) {
    if let jump = bound(.r2, before: 2) {
      if chain.isExact { rejects.append(jump) } else { ends.append(jump) }
    }
    code += [.move(.r1, .r2), .arithmetic(.add, .r1, constant: 2)]
    if chain.isExact { rejecting(.jump(if: .r1, .greater, .r7)) } else { leaving(.jump(if: .r1, .greater, .r7), &ends) }
    code += [
      .load(.byte, .r1, .r2, 1), .arithmetic(.add, .r1, constant: adding),
      .arithmetic(.shiftLeft, .r1, constant: shift),
    ]
    hideFromVerifier(.r1, mask: 0xffc)
  }
}
