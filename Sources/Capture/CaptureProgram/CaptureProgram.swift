/// The names in capture.bpf.c that user space refers to, and the numbers that both sides share.
/// The object itself is `captureObject()`, which the build makes.
package enum CaptureProgram {
  package static let program = "merops_capture"
  package static let ring = "records"
  package static let counters = "counters"
  /// The function that a compiled filter takes the place of.
  package static let filter = "filter"

  /// Constants set before loading.
  package static let hasFragments = "has_fragments"
  package static let hasFilter = "has_filter"
  package static let wakeBytes = "wake_bytes"

  /// `reader`, the variable that tells the program what the reader is doing: `enum capture_reader`.
  package static let reader = "reader"
  package enum Reader {
    package static let runs: UInt32 = 0
    package static let rests: UInt32 = 1
    package static let waits: UInt32 = 2
  }

  /// `struct capture_counters`, bpf/include/capture_counters.h: how many 64-bit words each part takes, in its order.
  package enum Counters {
    package static let headWordCount = 3
    /// `enum capture_passed_over`
    package static let passedOver: [String] = [
      "not_ip", "not_tcp", "too_short", "too_many_tags", "too_many_headers",
      "filtered_out",
    ]
    /// `enum capture_lost`
    package static let lost: [String] = ["ring_full", "unreadable"]
    package static var byteCount: Int { 8 * (headWordCount + passedOver.count + lost.count) }
  }
}
