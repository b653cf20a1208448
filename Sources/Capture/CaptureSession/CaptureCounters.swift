internal import ByteReading
internal import CaptureProgram

/// What the programs counted, added up over the CPUs: `struct capture_counters`, bpf/include/capture_counters.h.
struct CaptureCounters: Hashable, Sendable {
  var seen: UInt64 = 0
  var matched: UInt64 = 0
  var delivered: UInt64 = 0
  /// In the order of the cause's numbers.
  var passedOver = [UInt64](repeating: 0, count: CaptureProgram.Counters.passedOver.count)
  var lost = [UInt64](repeating: 0, count: CaptureProgram.Counters.lost.count)

  init() {}

  /// Reads the value of the per-CPU map.
  /// - Throws: `UnbalancedError` when a program was between two counts on some CPU; reading again helps.
  init(perCPU bytes: [UInt8]) throws(UnbalancedError) {
    for start in stride(from: 0, to: bytes.count, by: CaptureProgram.Counters.byteCount) {
      var word = start
      func next() -> UInt64 {
        defer { word += 8 }
        return (try? bytes.read(UInt64.self, at: word)) ?? 0
      }
      var cpu = CaptureCounters()
      cpu.seen = next()
      cpu.matched = next()
      cpu.delivered = next()
      for cause in cpu.passedOver.indices { cpu.passedOver[cause] = next() }
      for cause in cpu.lost.indices { cpu.lost[cause] = next() }
      guard cpu.isBalanced else { throw UnbalancedError() }
      self += cpu
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
  }
}
