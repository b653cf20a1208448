public import BPFLoader
public import LinuxCalls

/// A program attached to a hook. The attachment ends with the value, unless it is pinned.
public struct Link: ~Copyable, Sendable {
  public let place: AttachPlace
  /// The way that was taken.
  public let rung: Rung
  /// The better ways that the kernel refused, best first.
  public let refusals: [Refusal]
  /// What a killed process of ours had left at the hook, and has been removed first.
  public let leftOversRemoved: [String]
  let attachment: Attachment

  init(
    _ place: AttachPlace, rung: Rung, _ attachment: consuming Attachment, refusals: [Refusal] = [],
    leftOversRemoved: [String] = []
  ) {
    self.place = place
    self.rung = rung
    self.refusals = refusals
    self.leftOversRemoved = leftOversRemoved
    self.attachment = attachment
  }

  /// The same link, of which is told that another hook's ways were tried before.
  package consuming func after(_ refusals: [Refusal]) -> Link {
    let (place, rung, all, removed) = (place, rung, refusals + self.refusals, leftOversRemoved)
    return Link(place, rung: rung, attachment, refusals: all, leftOversRemoved: removed)
  }

  /// Opens a link that is pinned, and that stays when this value ends (5.7).
  /// - Parameter hook: what kind of hook it is attached to, as far as is known; it only appears in messages.
  public init(pinnedAt path: String, hook: Hook) throws(LinkError) {
    let place = AttachPlace(program: "the pinned program", hook: hook, target: path)
    do throws(SystemCallError) {
      self.init(place, rung: Rung(.link), .kernelLink(KernelLink(try BPF.open(pin: path), isKept: true)))
    } catch {
      throw LinkError(place: place, rung: Rung(.link), attempt: "open", cause: error)
    }
  }

  /// The link's number in the kernel; `nil` for an attachment that is none of its links.
  public func id() throws(LinkError) -> UInt32? {
    try attempting("query") { () throws(SystemCallError) in try attachment.information()?.id }
  }

  /// The number of the program that runs; `nil` for an attachment that is none of the kernel's links.
  public func programID() throws(LinkError) -> UInt32? {
    try attempting("query") { () throws(SystemCallError) in try attachment.information()?.program }
  }

  /// Whether the hook is still there: a link outlives the interface, cgroup or namespace that it was attached to, without
  /// doing anything any more. Other attachments cannot tell.
  public func isAttached() throws(LinkError) -> Bool {
    try attempting("query") { () throws(SystemCallError) in
      try attachment.information()?.isAttached ?? true
    }
  }

  /// Gives the link a name in a BPF file system, which keeps it without a process.
  /// - Throws: where the attachment is none of the kernel's links, which alone can be pinned.
  public func pin(at path: String) throws(LinkError) {
    try attempting("pin at \(path)") { () throws(SystemCallError) in try attachment.pin(at: path) }
  }

  /// Another program takes the place of this one, with nothing missed in between.
  /// - Parameter old: the program that has to be there, or else nothing changes and the error is EPERM of a bpf_link,
  ///   EEXIST or ENOENT of others. For two processes that share a pinned link.
  public func update(to program: Program, replacing old: Program? = nil) throws(LinkError) {
    try attempting("update to \(program.name)") { () throws(SystemCallError) in
      try attachment.update(to: program, replacing: old)
    }
  }

  /// Ends the attachment now, also one that is pinned, and reports failure, which the end of the value cannot.
  public consuming func detach() throws(LinkError) {
    let (place, rung) = (place, rung)
    do throws(SystemCallError) { try attachment.end() } catch {
      throw LinkError(place: place, rung: rung, attempt: "detach", cause: error)
    }
  }

  /// Has an attachment that outlives the process taken back also when a signal ends that, for as long as the value that
  /// this returns lives; others need no such thing.
  package func detachBeforeDeath() throws(SystemCallError) -> LastMessage? { try attachment.detachBeforeDeath() }

  func attempting<Value: ~Copyable>(
    _ attempt: String, _ body: () throws(SystemCallError) -> Value
  ) throws(LinkError) -> Value {
    do { return try body() } catch { throw LinkError(place: place, rung: rung, attempt: attempt, cause: error) }
  }
}

/// Which program, and where it is attached or should be.
public struct AttachPlace: Hashable, Sendable {
  public let program: String
  public let hook: Hook
  /// In words: `tcp_connect+0x0`, `eth0`.
  public let target: String
  /// For hooks of interfaces, the index that the interface had.
  public var interfaceIndex: UInt32?

  package init(program: String, hook: Hook, target: String, interfaceIndex: UInt32? = nil) {
    (self.program, self.hook, self.target, self.interfaceIndex) = (program, hook, target, interfaceIndex)
  }
}

/// Something that a link was asked to do, and the kernel refused.
public struct LinkError: Error, Hashable, Sendable {
  public let place: AttachPlace
  public let rung: Rung
  /// `update to count_v2`
  public let attempt: String
  public let cause: SystemCallError
}

extension LinkError: CustomStringConvertible {
  /// One line, for logs.
  public var description: String { "\(attempt): \(place.program) at \(place.target), by \(rung): \(cause.errno)" }

  /// What happened and what to do next.
  public var report: String {
    guard cause.errno == .notSupported, rung.way != .link else { return description }
    return description + "\nOnly a bpf_link can do that."
  }
}
