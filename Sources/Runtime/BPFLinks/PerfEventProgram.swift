import BPFLoader
import BPFObjectFile
import LinuxCalls

extension Rung {
  /// A program on a perf event: a link (5.15) or an ioctl.
  static let perfEvents = [Rung(.link), Rung(.perfEvent)]
}

extension Program {
  /// Has the program run when an event happens.
  /// - Parameter cookie: what `bpf_get_attach_cookie` tells the program; only a link can carry one.
  func attach(
    to event: consuming PerfEvent, cookie: UInt64, _ rung: Rung
  ) throws(RungFailure) -> Attachment {
    do throws(SystemCallError) {
      switch rung.way {
      case .link:
        let link = try BPF.createLink(
          program: descriptor, attachType: AttachType.perfEvent.rawValue,
          to: .perfEvent(event.descriptor.number, cookie: cookie))
        // The link holds the event from now on.
        try event.enable()
        return .link(link)
      default:
        guard cookie == 0 else {
          throw SystemCallError(call: "ioctl(PERF_EVENT_IOC_SET_BPF) with a cookie", errno: .notSupported)
        }
        try event.attach(descriptor)
        try event.enable()
        return .perfEvent(event)
      }
    } catch { throw RungFailure(error) }
  }
}
