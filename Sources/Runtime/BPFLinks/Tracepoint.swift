public import BPFLoader
import LinuxCalls

extension Program {
  /// Attaches the program to a tracepoint, where it gets the fields that `events/CATEGORY/NAME/format` in tracefs lists.
  /// - Parameter cookie: what `bpf_get_attach_cookie` tells the program (5.15).
  public func attachTracepoint(
    _ name: String, category: String, cookie: UInt64 = 0, rungs: [Rung] = Rung.tracepoint
  ) throws(AttachError) -> Link {
    let place = AttachPlace(program: self.name, hook: .tracepoint, target: "\(category)/\(name)")
    guard let tracefs = Tracefs.found else { throw place.noTracefs }
    let number: UInt64
    do { number = try tracefs.number(ofEvent: name, category: category) } catch {
      guard error.errno == .noSuchFile else {
        throw AttachError(place: place, reason: .failed(error.call, error.errno))
      }
      let known = entries(ofDirectory: "\(tracefs.root)/events/\(category)")
      throw AttachError(
        place: place,
        reason: .noTarget(
          known.isEmpty ? "there is no such category of tracepoints" : "there is no such tracepoint",
          hint: NearNames.question(NearNames.of(name, in: known)) ?? "\(tracefs.root)/events lists them."))
    }
    return try place.climb(rungs) { (rung) throws(RungFailure) in
      let event = try RungFailure.running { () throws(SystemCallError) in
        // One processor stands for all: a program on a tracepoint runs wherever that is hit.
        try PerfEvent(PerfEvent.Attributes(tracepoint: number), pid: -1, cpu: 0)
      }
      return try attach(to: event, cookie: cookie, rung)
    }
  }
}

extension Rung {
  public static let tracepoint = perfEvents
}

extension AttachPlace {
  var noTracefs: AttachError {
    AttachError(
      place: self,
      reason: .noTarget(
        "tracefs is not mounted, and may not be, or may not be read",
        hint: "mount -t tracefs tracefs /sys/kernel/tracing"))
  }
}
