internal import ByteReading
internal import CaptureProgram

/// What the programs counted, added up over the CPUs.
struct CaptureCounters: Hashable, Sendable {
  let names: CaptureProgram.Counters
  var seen: UInt64 = 0
  var matched: UInt64 = 0
  var delivered: UInt64 = 0
  /// In the order of the cause's numbers.
  var passedOver: [UInt64]
  var lost: [UInt64]
  /// What was lost on each CPU, where they are known.
  var lostByCPU: [UInt64] = []
  /// Flows.
  var inserted: UInt64 = 0

  init(_ names: CaptureProgram.Counters) {
    self.names = names
    passedOver = [UInt64](repeating: 0, count: names.passedOver.count)
    lost = [UInt64](repeating: 0, count: names.lost.count)
  }

  /// Reads the value of the per-CPU map.
  /// - Throws: `UnbalancedError` when a program was between two counts on some CPU; reading again helps.
  init(_ names: CaptureProgram.Counters, perCPU bytes: [UInt8]) throws(UnbalancedError) {
    self.init(names)
    for start in stride(from: 0, to: bytes.count, by: names.byteCount) {
      var word = start
      func next() -> UInt64 {
        defer { word += 8 }
        return (try? bytes.read(UInt64.self, at: word)) ?? 0
      }
      var cpu = CaptureCounters(names)
      cpu.seen = next()
      cpu.matched = next()
      cpu.delivered = next()
      for cause in cpu.passedOver.indices { cpu.passedOver[cause] = next() }
      for cause in cpu.lost.indices { cpu.lost[cause] = next() }
      if names.countsInserted { cpu.inserted = next() }
      guard cpu.isBalanced else { throw UnbalancedError() }
      self += cpu
      lostByCPU.append(cpu.lost.reduce(0, &+))
    }
  }

  struct UnbalancedError: Error {}

  /// Whether every packet has come out somewhere.
  var isBalanced: Bool {
    seen == passedOver.reduce(matched, &+) && matched == lost.reduce(delivered, &+)
  }

  static func += (sum: inout CaptureCounters, cpu: CaptureCounters) {
    sum.seen &+= cpu.seen
    sum.matched &+= cpu.matched
    sum.delivered &+= cpu.delivered
    for cause in sum.passedOver.indices { sum.passedOver[cause] &+= cpu.passedOver[cause] }
    for cause in sum.lost.indices { sum.lost[cause] &+= cpu.lost[cause] }
    sum.inserted &+= cpu.inserted
  }
}
