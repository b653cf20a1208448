/// SHA-256 (FIPS 180-4), for comparing plans by the digests of their parts. Nothing secret or trusted hangs on it.
struct SHA256 {
  private var state: [UInt32] = Self.initialState
  private static let initialState = fractions(ofRootsOfPrimes: 8, root: 2)
  private static let constants = fractions(ofRootsOfPrimes: 64, root: 3)
  private static let blockByteCount = 64

  /// In lower-case hexadecimal digits.
  /// - Parameter zeros: how many zeros follow the bytes.
  static func digest(_ bytes: [UInt8], zeros: Int = 0) -> String {
    var hash = SHA256()
    let byteCount = bytes.count + zeros
    let whole = bytes.count / blockByteCount * blockByteCount
    for start in stride(from: 0, to: whole, by: blockByteCount) { hash.add(bytes, at: start) }
    // What is left, the zeros, a 1 bit, zeros up to the end of a block, and there the number of bits.
    var rest = Array(bytes[whole...])
    let block = [UInt8](repeating: 0, count: blockByteCount)
    var left = zeros
    let filling = min(left, rest.isEmpty ? 0 : blockByteCount - rest.count)
    rest += block[..<filling]
    left -= filling
    if rest.count == blockByteCount {
      hash.add(rest, at: 0)
      rest = []
    }
    for _ in 0..<left / blockByteCount { hash.add(block, at: 0) }
    rest += block[..<(left % blockByteCount)] + [0x80]
    rest += [UInt8](repeating: 0, count: (120 - rest.count % blockByteCount) % blockByteCount)
    rest += (0..<8).reversed().map { UInt8(truncatingIfNeeded: (UInt64(byteCount) * 8) >> (8 * $0)) }
    for start in stride(from: 0, to: rest.count, by: blockByteCount) { hash.add(rest, at: start) }
    return hash.state.map { word in
      let digits = String(word, radix: 16)
      return String(repeating: "0", count: 8 - digits.count) + digits
    }.joined()
  }

  private mutating func add(_ bytes: [UInt8], at start: Int) {
    func rotate(_ word: UInt32, _ count: UInt32) -> UInt32 { word >> count | word << (32 - count) }
    var words = InlineArray<64, UInt32>(repeating: 0)
    for index in 0..<16 {
      let place = start + 4 * index
      words[index] =
        UInt32(bytes[place]) << 24 | UInt32(bytes[place + 1]) << 16 | UInt32(bytes[place + 2]) << 8
        | UInt32(bytes[place + 3])
    }
    for index in 16..<64 {
      let (x, y) = (words[index - 15], words[index - 2])
      let one = rotate(x, 7) ^ rotate(x, 18) ^ x >> 3
      let two = rotate(y, 17) ^ rotate(y, 19) ^ y >> 10
      words[index] = words[index - 16] &+ one &+ words[index - 7] &+ two
    }
    var (a, b, c, d) = (state[0], state[1], state[2], state[3])
    var (e, f, g, h) = (state[4], state[5], state[6], state[7])
    for index in 0..<64 {
      let sum = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)
      let choice = e & f ^ ~e & g
      let first = h &+ sum &+ choice &+ Self.constants[index] &+ words[index]
      let majority = a & b ^ a & c ^ b & c
      let second = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) &+ majority
      (h, g, f, e, d, c, b, a) = (g, f, e, d &+ first, c, b, a, first &+ second)
    }
    for (index, value) in [a, b, c, d, e, f, g, h].enumerated() { state[index] &+= value }
  }

  /// The first 32 bits behind the point of the square or cube roots of the first primes, by integer arithmetic.
  private static func fractions(ofRootsOfPrimes count: Int, root: Int) -> [UInt32] {
    var primes: [UInt64] = []
    var candidate: UInt64 = 2
    while primes.count < count {
      if !primes.contains(where: { candidate % $0 == 0 }) { primes.append(candidate) }
      candidate += 1
    }
    return primes.map { prime in
      // The largest r with r^root <= prime * 2^(32 * root), bit by bit.
      var result: UInt64 = 0
      for bit in stride(from: 35 as UInt64, through: 0, by: -1) {
        let trial = result | 1 << bit
        let square = trial.multipliedFullWidth(by: trial)
        if root == 2 {
          if square.high < prime || square.high == prime && square.low == 0 { result = trial }
        } else {
          // trial is below 2^36, so its square is below 2^72 and its cube below 2^108.
          let low = square.low.multipliedFullWidth(by: trial)
          let high = square.high * trial + low.high
          if high < prime << 32 || high == prime << 32 && low.low == 0 { result = trial }
        }
      }
      return UInt32(truncatingIfNeeded: result)
    }
  }
}
