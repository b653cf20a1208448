public import LinuxCalls

/// A program that could not be attached.
public struct AttachError: Error, Hashable, Sendable {
  public enum Reason: Hashable, Sendable {
    case noSuchInterface(known: [String])
    /// Frames that do not begin with an Ethernet header.
    case notEthernet(hardwareType: UInt16)
    /// What the program should be attached to is not there, or cannot be looked for: in words, and what to do next.
    case noTarget(String, hint: String?)
    /// The program was not loaded for this hook.
    case wrongProgram(String)
    /// Somebody else is there; the occupants in words.
    case occupied([String], [Refusal])
    case refused([Refusal])
    /// A step before the attaching.
    case failed(String, Errno)
  }

  public let place: AttachPlace
  public let reason: Reason

  package init(place: AttachPlace, reason: Reason) { (self.place, self.reason) = (place, reason) }
}

extension AttachError: SystemCallFailure {
  /// Entering the target's namespace failed.
  package init(_ failure: SystemCallError) {
    self.init(
      place: AttachPlace(program: "", hook: .xdp, target: ""), reason: .failed(failure.call, failure.errno))
  }
}

extension AttachError: CustomStringConvertible {
  /// One line, for logs.
  public var description: String {
    let attempt = (place.program.isEmpty ? "look at" : "attach \(place.program) to") + " \(place.target): "
    switch reason {
    case .noSuchInterface: return attempt + "there is no such interface"
    case .notEthernet(let type): return attempt + "its frames have no Ethernet header (link type \(type))"
    case .noTarget(let reason, _): return attempt + reason
    case .wrongProgram(let reason): return attempt + reason
    case .occupied where place.hook == .tracepoint || place.hook == .rawTracepoint:
      return attempt + "the program is there already, and a tracepoint runs each program once"
    case .occupied: return attempt + "another program is there"
    case .refused(let refusals):
      return attempt + (refusals.last.map(\.reason) ?? "no way of attaching was allowed")
    case .failed(let call, let errno): return attempt + "\(call): \(errno)"
    }
  }

  /// What happened and what to do next, over several lines.
  public var report: String { ([description] + details).joined(separator: "\n") }

  private var details: [String] {
    switch reason {
    case .noSuchInterface(let known):
      let question = NearNames.question(NearNames.of(place.target, in: known)).map { $0 + " " } ?? ""
      return ["\(question)The interfaces here are \(known.joined(separator: ", "))."]
    case .notEthernet:
      return ["Only interfaces with Ethernet headers can be captured on."]
    case .noTarget(_, let hint): return hint.map { [$0] } ?? []
    case .wrongProgram: return ["The section that the program stands in, or the options, decide what it is loaded for."]
    case .occupied(let occupants, let refusals):
      let who = occupants.map { "There is the \($0)." }
      return (who.isEmpty ? refusals.map { "  \($0.rung): \($0.reason)" } : who)
        + (AttachHint.occupied(place.hook, target: place.target).map { [$0] } ?? [])
    case .refused(let refusals):
      let all = refusals.map { "  \($0.rung): \($0.call): \($0.reason)" }
      let hint = refusals.last.flatMap {
        AttachHint.sentence(for: place.hook, errno: $0.errno, effective: Capability.effective(), machine: .here)
      }
      return all + (hint.map { [$0] } ?? [])
    case .failed(_, let errno):
      let hint = AttachHint.sentence(
        for: place.hook, errno: errno, effective: Capability.effective(), machine: .here)
      return hint.map { [$0] } ?? []
    }
  }
}
