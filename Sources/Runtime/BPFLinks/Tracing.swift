public import BPFLoader
import BPFObjectFile
import BPFRelocation
import LinuxCalls

extension Program {
  /// Attaches a program that was loaded for one function or tracepoint: `tp_btf`, `fentry`, `fexit`, `fmod_ret`, `lsm`.
  /// - Parameter cookie: what `bpf_get_attach_cookie` tells the program (5.19).
  public func attachTracing(cookie: UInt64 = 0, rungs: [Rung] = Rung.tracing) throws(AttachError) -> Link {
    let isSecurity = plan.type == .lsm
    let place = AttachPlace(
      program: name, hook: isSecurity ? .lsm : .tracing, target: plan.attachTarget?.name ?? plan.sectionName)
    return try place.climb(rungs) { (rung) throws(RungFailure) in
      try RungFailure.running { () throws(SystemCallError) in
        switch rung.way {
        case .link:
          .link(
            try BPF.createLink(
              program: descriptor, attachType: plan.expectedAttachType.rawValue, to: .ofProgram(cookie: cookie)))
        default:
          if cookie == 0 {
            .link(try BPF.openRawTracepoint(nil, program: descriptor))
          } else {
            throw SystemCallError(call: "bpf(BPF_RAW_TRACEPOINT_OPEN) with a cookie", errno: .notSupported)
          }
        }
      }
    }
  }
}

extension Rung {
  /// BPF_LINK_CREATE does it since 5.19, the older command on every kernel.
  public static let tracing = [Rung(.link), Rung(.rawTracepoint)]
}
