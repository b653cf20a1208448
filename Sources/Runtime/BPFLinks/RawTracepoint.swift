public import BPFLoader
import LinuxCalls

extension Program {
  /// Attaches the program to a tracepoint's own arguments, by the name that `TRACE_EVENT` has in the kernel's source.
  /// - Parameter cookie: what `bpf_get_attach_cookie` tells the program (6.10).
  public func attachRawTracepoint(_ tracepoint: String, cookie: UInt64 = 0) throws(AttachError) -> Link {
    let place = AttachPlace(program: name, hook: .rawTracepoint, target: tracepoint)
    do throws(AttachError) {
      return try place.climb([Rung(.rawTracepoint)]) { (_) throws(RungFailure) in
        try RungFailure.running { () throws(SystemCallError) in
          .link(try BPF.openRawTracepoint(tracepoint, program: descriptor, cookie: cookie))
        }
      }
    } catch {
      guard case .refused(let refusals) = error.reason, refusals.last?.errno == .noSuchFile else { throw error }
      throw AttachError(
        place: place,
        reason: .noTarget(
          "there is no such raw tracepoint",
          hint: "Their names are those of the kernel's source (sched_switch, sys_enter), without a category."))
    }
  }
}
