/// SHA-256 (FIPS 180-4), for comparing plans by the digests of their parts. Nothing secret or trusted hangs on it.
struct SHA256 {
  private var state: [UInt32] = Self.fractions(ofRootsOfPrimes: 8, root: 2)
  private static let constants = fractions(ofRootsOfPrimes: 64, root: 3)

  /// In lower-case hexadecimal digits.
  static func digest(_ bytes: [UInt8]) -> String {
    var hash = SHA256()
    var padded = bytes + [0x80]
    padded += [UInt8](repeating: 0, count: (120 - padded.count % 64) % 64)
    padded += (0..<8).reversed().map { UInt8(truncatingIfNeeded: (UInt64(bytes.count) * 8) >> (8 * $0)) }
    for start in stride(from: 0, to: padded.count, by: 64) { hash.add(padded[start..<start + 64]) }
    return hash.state.map { word in
      let digits = String(word, radix: 16)
      return String(repeating: "0", count: 8 - digits.count) + digits
    }.joined()
  }

  private mutating func add(_ block: ArraySlice<UInt8>) {
    func rotate(_ word: UInt32, _ count: UInt32) -> UInt32 { word >> count | word << (32 - count) }
    var words: [UInt32] = (0..<16).map { index in
      block[(block.startIndex + 4 * index)..<(block.startIndex + 4 * index + 4)].reduce(0) { $0 << 8 | UInt32($1) }
    }
    for index in 16..<64 {
      let (a, b) = (words[index - 15], words[index - 2])
      let one = rotate(a, 7) ^ rotate(a, 18) ^ a >> 3
      let two = rotate(b, 17) ^ rotate(b, 19) ^ b >> 10
      words.append(words[index - 16] &+ one &+ words[index - 7] &+ two)
    }
    var v = state
    for index in 0..<64 {
      let sum = rotate(v[4], 6) ^ rotate(v[4], 11) ^ rotate(v[4], 25)
      let choice = v[4] & v[5] ^ ~v[4] & v[6]
      let first = v[7] &+ sum &+ choice &+ Self.constants[index] &+ words[index]
      let majority = v[0] & v[1] ^ v[0] & v[2] ^ v[1] & v[2]
      let second = (rotate(v[0], 2) ^ rotate(v[0], 13) ^ rotate(v[0], 22)) &+ majority
      v = [first &+ second, v[0], v[1], v[2], v[3] &+ first, v[4], v[5], v[6]]
    }
    for index in state.indices { state[index] &+= v[index] }
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
