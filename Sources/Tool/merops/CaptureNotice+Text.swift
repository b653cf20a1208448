import BPFLinks
import CaptureEvents
import CaptureSession

extension CaptureNotice {
  /// A line for the person watching.
  var text: String {
    switch self {
    case .attached(let attachment): attachment.banner
    case .notAttached(let error): "not captured on: \(error)"
    case .interfaceIsDown(let name): "\(name) is down; no packets come until it is up"
    case .interfaceIsUp(let name): "\(name) is up again"
    case .interfaceIsGone(let name): "\(name) has gone"
    }
  }
}

extension CaptureAttachment {
  /// Which packets are taken.
  var packets: String { direction == .outgoing ? "packets sent" : "packets received" }

  /// Where: the hook, the mode, and how it is attached.
  var place: String { rung.mode == nil ? "classifier by \(rung)" : "\(rung)" }

  /// Where packets are taken, and what was in the way of better places.
  var banner: String {
    let refused = refusals.map { "\($0.rung) refused: \($0.reason)" }
    let why = refused.isEmpty ? "" : " (\(refused.joined(separator: "; ")))"
    let removed = leftOversRemoved.map { "removed what a killed merops had left over: the \($0)\n" }
    if hook == .tracing || hook == .kprobe {
      let kind = hook == .tracing ? "fentry" : "kprobe"
      return "capturing segments that \(interface)() receives, \(kind) by \(rung)\(why)"
    }
    return removed.joined() + "capturing \(packets) on \(interface), \(place)\(why)"
  }
}
