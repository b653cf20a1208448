import BPFInstructions

// What is found out before the first test: where headers are behind tags and extension headers.
extension FilterCompiler {
  mutating func begin(_ needs: FilterNeeds) {
    switch frame {
    case .packet:
      if needs.length { code.append(.store(.word, .r10, Self.length, .r2)) }
      if needs.frame { code += [.load(.word, .r6, .r1, 0), .load(.word, .r7, .r1, 4)] }
    case .buffer:
      if needs.length { code.append(.store(.word, .r10, Self.length, .r3)) }
      if needs.frame { code += [.move(.r6, .r1), .move(.r7, .r1), .arithmetic(.add, .r7, .r2)] }
    }
    if needs.network { findNetwork() }
    if needs.transport { findTransport() }
    guard hidesWays else { return }
    if needs.network { hideDistance(of: .r8, mask: 0x3f) }
    if needs.transport { hideDistance(of: .r9, mask: Self.farthest) }
  }

  /// Steps over tags, and keeps the type behind them.
  mutating func findNetwork() {
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
    code.append(.store(.word, .r10, etherType, .r3))
  }

  /// Steps over the IP header and its extension headers, and keeps the protocol behind them.
  mutating func findTransport() {
    // Where there is none, the pointer leads further than any packet.
    code += [
      .move(.r9, .r6), .arithmetic(.add, .r9, constant: Int32(Self.farthest)), .move(.r4, constant: Operand.noProtocol),
      // Not 0, which the verifier would know wherever it is stored.
      .move(.r5, constant: 2),
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
    code += [.store(.word, .r10, `protocol`, .r4), .store(.word, .r10, hasTransport, .r5)]
  }

  /// `r4` is the header that comes next, `r2` points to it.
  mutating func stepOverExtensionHeader(_ found: inout [Int], _ ends: inout [Int]) {
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
    hideFromVerifier(.r1, mask: 0xffc)
    code += [.load(.byte, .r4, .r2, 0), .arithmetic(.add, .r2, .r1)]
  }

  /// The verifier would follow each kind of header by itself, through all that come behind. Of what is stored in the middle
  /// of a slot it keeps nothing, so that all are one to it; of the beginning of a slot newer kernels know even a part.
  mutating func hideFromVerifier(_ register: Register, mask: Int32) {
    code += [
      .store(.half, .r10, Self.unknown, register), .load(.half, register, .r10, Self.unknown),
      .arithmetic(.and, register, constant: mask),
    ]
  }

  mutating func checkExtensionHeader(_ ends: inout [Int]) {
    if let jump = bound(.r2, before: 8) { ends.append(jump) }
    code += [.move(.r1, .r2), .arithmetic(.add, .r1, constant: 8)]
    ends.append(code.count)
    code.append(.jump(if: .r1, .greater, .r7))
  }

  /// Leaves a pointer as it is, or its distance from the frame's start, of which the verifier then only knows a bound, whichever way led here.
  private mutating func hideDistance(of pointer: Register, mask: UInt32) {
    code += [.arithmetic(.subtract, pointer, .r6), .arithmetic(.and, pointer, constant: Int32(bitPattern: mask))]
    if !keepsDistances { code.append(.arithmetic(.add, pointer, .r6)) }
  }

  /// Has the verifier know that a pointer into a buffer, however it was computed, leaves room for so many bytes behind it.
  /// Changes `r1`.
  /// - Returns: the jump that is taken where it does not; `nil` for packets, whose end does it all.
  mutating func bound(_ pointer: Register, before byteCount: UInt32) -> Int? {
    guard case .buffer(let room) = frame else { return nil }
    // The difference of two pointers is any number to the verifier, until it is compared.
    code += [.move(.r1, pointer), .arithmetic(.subtract, .r1, .r6)]
    code += [
      .jump(if: .r1, .greater, constant: byteCount > room ? 0 : room - byteCount), .move(pointer, .r6),
      .arithmetic(.add, pointer, .r1),
    ]
    return code.count - 3
  }
}
