public import BPFLoader
import LinuxCalls

extension Program {
  /// Attaches the program to a place in the kernel's code, where it gets the registers (`struct pt_regs`).
  /// - Parameters:
  ///   - isReturn: when the function returns instead of when it is called; only at a function's start.
  ///   - maxActive: for return probes, how many calls may run at a time before some are missed, instead of the kernel's
  ///     choice; up to 4096, and only by tracefs.
  ///   - cookie: what `bpf_get_attach_cookie` tells the program (5.15).
  /// - Throws: naming what is near where there is no such function, and when the kernel keeps kprobes off it.
  public func attachKprobe(
    _ location: KernelLocation, isReturn: Bool = false, maxActive: Int? = nil, cookie: UInt64 = 0,
    rungs: [Rung] = Rung.kprobe
  ) throws(AttachError) -> Link {
    let place = AttachPlace(program: name, hook: .kprobe, target: "\(location)")
    let removed = TracefsDefinition.removeLeftOvers(in: .kprobes)
    if isReturn, case .function(_, let offset) = location, offset > 0 { throw place.returnInTheMiddle }
    let moduleAddress = try location.moduleAddress(place)
    do throws(AttachError) {
      return try place.climb(rungs, leftOversRemoved: removed) { (rung) throws(RungFailure) in
        switch rung.way {
        case .tracefs:
          let definition = TracefsDefinition(in: .kprobes, stem: location.parts?.name ?? "address")
          let target = if case .function(let name, 0) = location { name } else { "\(location)" }
          return .tracefs(
            try TracefsProbe(
              self, definition, kind: isReturn ? "r" + (maxActive.map { "\($0)" } ?? "") : "p", at: target,
              cookie: cookie))
        default:
          guard maxActive == nil else {
            throw RungFailure(SystemCallError(call: "perf_event_open with maxactive", errno: .notSupported))
          }
          let event = try RungFailure.running { () throws(SystemCallError) in
            try location.event(isReturn: isReturn, moduleAddress: moduleAddress)
          }
          return try attach(to: event, cookie: cookie, rung)
        }
      }
    } catch { throw location.explained(error) }
  }
}

extension Rung {
  /// A perf event of the PMU `kprobe` with a link (5.15) or an ioctl (4.17), or on a probe in tracefs.
  public static let kprobe = perfEvents + [Rung(.tracefs)]
}

extension AttachPlace {
  var returnInTheMiddle: AttachError {
    AttachError(
      place: self,
      reason: .noTarget("a return probe stands at the start of a function, and this is behind it", hint: nil))
  }
}

extension KernelLocation {
  fileprivate func event(isReturn: Bool, moduleAddress: UInt64?) throws(SystemCallError) -> PerfEvent {
    var attributes = try PerfEvent.Attributes(probeUnit: "kprobe", isReturn: isReturn)
    switch self {
    case .function(let name, let offset) where moduleAddress == nil:
      attributes.config2 = offset
      return try PerfEvent(attributes, text: name, pid: -1, cpu: 0)
    case .function:
      // Kernels between 6.7 and 6.11, and older ones with the same correction, take no names of modules here.
      attributes.config2 = moduleAddress ?? 0
    case .address(let address): attributes.config2 = address
    }
    return try PerfEvent(attributes, pid: -1, cpu: 0)
  }
}
