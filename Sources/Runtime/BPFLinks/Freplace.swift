public import BPFLoader
import BPFObjectFile
import BPFRelocation
import BPFTypes
import LinuxCalls

extension Program {
  /// Has a `freplace` program take the place of a function of another program, until the link ends.
  /// - Parameter function: another one of the same type than it was loaded for (5.10); `nil` for that one.
  public func attachReplacement(
    of function: ProgramFunction? = nil, rungs: [Rung] = Rung.freplace
  ) throws(AttachError) -> Link {
    let place = AttachPlace(
      program: name, hook: .freplace,
      target: (function?.name ?? replaced?.name ?? "the function")
        + ((function?.program ?? replaced?.program).map { " of \($0.name)" } ?? ""))
    guard plan.type == .`extension`, let replaced else {
      throw AttachError(place: place, reason: .wrongProgram("it is no freplace program"))
    }
    let target: LoadedFunction
    do {
      target =
        try function.map { (function) throws(LoadError) in
          try LoadedFunction(function, orNamed: replaced.name)
        } ?? replaced
    } catch {
      throw AttachError(place: place, reason: .noTarget("\(error.attempt)", hint: error.hint))
    }
    return try place.climb(rungs) { (rung) throws(RungFailure) in
      try RungFailure.running { () throws(SystemCallError) in
        if rung.way != .link, target.type != replaced.type || target.program !== replaced.program {
          throw SystemCallError(call: "bpf(BPF_RAW_TRACEPOINT_OPEN) of another function", errno: .notSupported)
        }
        // Only the first link gets the place that loading has made ready, so that each tells its own.
        return .link(
          try tracingLink(
            to: .function(program: target.program.descriptor.number, type: target.type.rawValue, cookie: 0),
            hasCookie: false, rung))
      }
    }
  }
}

extension Rung {
  /// BPF_LINK_CREATE with a target (5.10), or the older command, which knows the one that was told on loading (5.6).
  public static let freplace = tracing
}
