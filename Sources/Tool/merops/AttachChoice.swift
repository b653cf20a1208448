import ArgumentParser
import BPFLinks
import CaptureSession

extension Capture.Via {
  /// The ways in which received packets may be taken by XDP.
  func xdpRungs(_ attach: Capture.Attach, isAny: Bool) -> [Rung] {
    Rung.xdp.filter { rung in
      switch self {
      case .xdp: attach.takes(rung)
      // Attaching to all drivers would be much for a look around.
      case .auto: !isAny && attach.takes(rung)
      case .xdpNative: rung.mode == .native && attach.takes(rung)
      case .xdpGeneric: rung.mode == .generic && attach.takes(rung)
      case .tc, .kprobe, .interpreter, .testRun: false
      }
    }
  }

  func classifierRungs(_ attach: Capture.Attach, _ direction: CaptureDirection) -> [Rung] {
    self == .auto || self == .tc || direction != .in ? Rung.classifier.filter(attach.takes) : []
  }
}

extension Capture.Attach {
  func takes(_ rung: Rung) -> Bool { self == .auto || (self == .link) == (rung.way == .link) }
}

extension CaptureDirection {
  @Sendable static func parse(_ text: String) throws -> CaptureDirection {
    if text == "inout" { return .both }
    guard let direction = CaptureDirection(rawValue: text) else {
      throw ValidationError("'\(text)' is no direction; in, out and both are.")
    }
    return direction
  }
}

/// How long something is to run, and how often it tells how it is getting on.
func checkSeconds(duration: Double?, stats: Double? = nil) throws(ValidationError) {
  if let duration, !(duration >= 0 && duration <= 1e9) {
    throw ValidationError("--duration \(duration): the duration has to be 0 seconds or more.")
  }
  if let stats, !(stats > 0 && stats <= 1e9) {
    throw ValidationError("--stats \(stats): the interval has to be more than 0 seconds.")
  }
}
