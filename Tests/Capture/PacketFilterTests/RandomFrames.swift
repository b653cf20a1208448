import SeededRandom

/// Ethernet frames of all kinds that filters ask for, some of them cut short.
struct RandomFrames {
  private var random: SeededGenerator

  private let cutPercent: Int

  init(seed: UInt64, areCut: Bool = true) { (random, cutPercent) = (SeededGenerator(seed: seed), areCut ? 20 : 0) }

  mutating func frames(_ count: Int) -> [[UInt8]] { (0..<count).map { _ in frame() } }

  static let ipv4: [[UInt8]] = [
    [10, 0, 0, 1], [10, 0, 0, 2], [10, 1, 2, 3], [192, 168, 1, 1], [224, 0, 0, 1], [127, 0, 0, 1],
  ]
  static let ipv6: [[UInt8]] = [
    [0x20, 0x01, 0x0d, 0xb8] + [UInt8](repeating: 0, count: 11) + [1],
    [0x20, 0x01, 0x0d, 0xb8] + [UInt8](repeating: 0, count: 11) + [2],
    [0xfe, 0x80] + [UInt8](repeating: 0, count: 13) + [1], [0xff, 0x02] + [UInt8](repeating: 0, count: 13) + [1],
    [UInt8](repeating: 0, count: 15) + [1],
  ]
  private static let hardware: [[UInt8]] = [
    [1, 2, 3, 4, 5, 6], [UInt8](repeating: 0xff, count: 6), [1, 0, 0x5e, 0, 0, 1], [0x33, 0x33, 0, 0, 0, 1],
    [2, 0, 0, 0, 0, 1],
  ]
  private static let ports: [UInt16] = [20, 53, 80, 443, 123, 8080, 65535, 0]

  private mutating func one<Value>(_ values: [Value]) -> Value { values.randomElement(using: &random)! }
  private mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }
  private mutating func bytes(_ count: Int) -> [UInt8] {
    (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
  }
  private func big(_ number: UInt16) -> [UInt8] { [UInt8(number >> 8), UInt8(truncatingIfNeeded: number)] }

  private mutating func frame() -> [UInt8] {
    var (type, payload) = network()
    for _ in 0..<one([0, 0, 0, 0, 1, 1, 2, 3]) {
      payload = big(one([3, 5, 0x2005, 4095, 100])) + big(type) + payload
      type = one([0x8100, 0x8100, 0x88a8, 0x9100])
    }
    let frame = one(Self.hardware) + one(Self.hardware) + big(type) + payload
    return chance(cutPercent) ? Array(frame.prefix(Int.random(in: 14...max(14, frame.count), using: &random))) : frame
  }

  private mutating func network() -> (type: UInt16, payload: [UInt8]) {
    switch Int.random(in: 0..<100, using: &random) {
    case ..<45: (0x0800, overIPv4())
    case ..<80: (0x86dd, overIPv6())
    case ..<90:
      (
        one([0x0806, 0x0806, 0x8035]),
        [0, 1, 8, 0, 6, 4, 0, one([1, 2])] + bytes(6) + one(Self.ipv4) + bytes(6) + one(Self.ipv4)
      )
    default:
      (
        one([0x9000, 0x88cc, 100, 38, 1500, 1501, 0x8847]),
        one([[0x42, 0x42, 3], [0xfe, 0xfe, 3], [6, 6, 3]]) + bytes(50)
      )
    }
  }

  private mutating func overIPv4() -> [UInt8] {
    var (number, payload) = transport(isIPv6: false)
    if chance(15) { (number, payload) = authenticated(number, payload) }
    let options: [UInt8] = one([[], [], [], [1, 1, 1, 0], [7, 39, 4] + [UInt8](repeating: 0, count: 37)])
    let words = UInt8(5 + options.count / 4)
    let length = UInt16(Int(words) * 4 + payload.count)
    return [0x40 | words, one([0, 16])] + big(length) + bytes(2) + big(one([0, 0, 0, 0x4000, 0x2000, 0x2010, 0x0010]))
      + [one([64, 1]), number, 0, 0] + one(Self.ipv4) + one(Self.ipv4) + options + payload
  }

  private mutating func overIPv6() -> [UInt8] {
    var (number, payload) = transport(isIPv6: true)
    for _ in 0..<one([0, 0, 0, 1, 1, 2, 3]) { (number, payload) = extended(number, payload) }
    return [0x60, 0, 0, 0] + big(UInt16(payload.count)) + [number, 64] + one(Self.ipv6) + one(Self.ipv6) + payload
  }

  private mutating func extended(_ number: UInt8, _ payload: [UInt8]) -> (UInt8, [UInt8]) {
    let kind: UInt8 = one([0, 43, 60, 44, 51])
    switch kind {
    case 44: return (44, [number, 0, 0, one([0, 0, 8]) | 1, 0, 0, 0, 7] + payload)
    case 51: return authenticated(number, payload)
    default:
      let eights: UInt8 = one([0, 1])
      return (kind, [number, eights] + bytes((Int(eights) + 1) * 8 - 2) + payload)
    }
  }

  /// Only before what ends a chain: with others behind, libpcap's `protochain` may never end.
  private mutating func authenticated(_ number: UInt8, _ payload: [UInt8]) -> (UInt8, [UInt8]) {
    guard ![0, 43, 44, 51, 60].contains(number) else { return (number, payload) }
    let words: UInt8 = one([0, 1, 4])
    return (51, [number, words] + bytes((Int(words) + 2) * 4 - 2) + payload)
  }

  private mutating func transport(isIPv6: Bool) -> (UInt8, [UInt8]) {
    let ports = big(one(Self.ports)) + big(one(Self.ports))
    switch Int.random(in: 0..<8, using: &random) {
    case 0...2:
      return (
        6,
        ports + bytes(8) + [one([0x50, 0x60, 0x80]), one([2, 0x12, 0x10, 0x18, 1, 4, 0])] + bytes(6)
          + bytes(one([0, 4, 40]))
      )
    case 3...4: return (17, ports + [0, 20, 0, 0] + bytes(12))
    case 5: return (isIPv6 ? 58 : 1, [one([0, 8, 3, 128, 135, 1]), one([0, 1]), 0, 0] + bytes(12))
    case 6: return (132, ports + bytes(8))
    default: return (one([2, 9, 50, 51, 103, 112, 47, 0, 59]), [59] + bytes(23))
    }
  }
}
