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
  /// Whether it is a function of the kernel instead of an interface.
  private var isOnFunction: Bool { hook == .tracing || hook == .kprobe }

  /// Which packets are taken.
  var packets: String {
    if isOnFunction { return "segments that \(interface)() receives" }
    return direction == .outgoing ? "packets sent" : "packets received"
  }

  /// Where: the hook, the mode, and how it is attached.
  var place: String {
    switch hook {
    case .tracing: "fentry by \(rung)"
    case .kprobe: "kprobe by \(rung)"
    default: rung.mode == nil ? "classifier by \(rung)" : "\(rung)"
    }
  }

  /// Where packets are taken, and what was in the way of better places.
  var banner: String {
    let refused = refusals.map { "\($0.rung) refused: \($0.reason)" }
    let why = refused.isEmpty ? "" : " (\(refused.joined(separator: "; ")))"
    let removed = leftOversRemoved.map { "removed what a killed merops had left over: the \($0)\n" }
    let target = isOnFunction ? "" : " on \(interface)"
    return removed.joined() + "capturing \(packets)\(target), \(place)\(why)"
  }
}
