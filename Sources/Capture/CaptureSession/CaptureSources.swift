internal import BPFLinks
internal import CaptureEvents
internal import CaptureProgram
internal import LinuxCalls
internal import RouteNetlink

/// Where packets come from: the interfaces that programs are attached to, or functions of the kernel, and what becomes of
/// them.
struct CaptureSources: ~Copyable {
  /// Given for each link that is finished.
  let done: Notification
  private let ladder: CaptureLadder
  private let directions: [CaptureRecord.Direction]
  /// What goes through a loopback interface is sent and received there: one of both is enough.
  private let takesLoopbackOnce: Bool
  /// What the kernel is still busy with, in the order of asking.
  private var attaching: [Attaching] = []
  private(set) var interfaces: [CapturedInterface] = []
  /// The kernel's functions that programs are attached to instead of interfaces.
  private var functions: [CapturedInterface] = []
  /// Whether interfaces that come later are taken, too.
  private(set) var takesAll = false
  /// How interfaces are attached.
  private(set) var attachments: [CaptureAttachment] = []

  private struct Attaching {
    let interface: CapturedInterface
    let direction: CaptureRecord.Direction
    let link: Concurrently<Link>
  }

  init(
    _ ladder: CaptureLadder, _ direction: CaptureDirection, takesLoopbackOnce: Bool = false, done: Notification
  ) {
    self.ladder = ladder
    directions =
      switch direction {
      case .in: [.incoming]
      case .out: [.outgoing]
      case .both: [.incoming, .outgoing]
      }
    self.takesLoopbackOnce = takesLoopbackOnce
    self.done = done
  }

  /// The interfaces that went away while programs were attached to them.
  var gone: [String] { interfaces.filter(\.isGone).map(\.name) }

  /// Where packets are taken, each once: `xdp-native`.
  var modes: String {
    attachments.reduce(into: [String]()) { modes, attachment in
      if !modes.contains(attachment.mode) { modes.append(attachment.mode) }
    }.joined(separator: "+")
  }

  /// Begins to attach to an interface of the calling thread's network namespace.
  mutating func begin(_ name: String) throws {
    try begin(AttachPlace(program: "", hook: .xdp, target: name).interface())
  }

  /// Begins to attach to all interfaces that there are, and will be.
  mutating func beginAll() throws {
    takesAll = true
    for interface in try RouteSocket().interfaces() { try begin(interface) }
  }

  /// Begins to attach to the functions that receive TCP's segments.
  mutating func beginTCP() throws {
    interfaces += try RouteSocket().interfaces().map { CapturedInterface(name: $0.name, index: $0.index) }
    let programs = ladder.programs
    for isIPv6 in [false, true] {
      let function = CapturedInterface(name: CaptureProgram.tcpReceiveFunction(isIPv6: isIPv6))
      functions.append(function)
      let link = try Concurrently(done: done) { try programs.attachToTCP(isIPv6: isIPv6) }
      attaching.append(Attaching(interface: function, direction: .incoming, link: link))
    }
  }

  private mutating func begin(_ interface: NetworkInterface) throws(SystemCallError) {
    let captured = CapturedInterface(interface, isWatched: true)
    captured.isUp = interface.isUp || !takesAll
    interfaces.append(captured)
    let ladder = ladder
    for direction in directions(of: interface) {
      let link = try Concurrently(done: done) { try ladder.attach(to: interface, direction) }
      attaching.append(Attaching(interface: captured, direction: direction, link: link))
    }
  }

  private func directions(of interface: NetworkInterface) -> [CaptureRecord.Direction] {
    takesLoopbackOnce && interface.isLoopback ? Array(directions.prefix(1)) : directions
  }

  /// Attaches to an interface of another namespace, and waits until that is done. What becomes of the
  /// interface is not watched.
  mutating func attach(to name: String, in namespace: borrowing NetworkNamespace) throws {
    let interface = try namespace.run { () throws(AttachError) in
      try AttachPlace(program: "", hook: .xdp, target: name).interface()
    }
    let captured = CapturedInterface(interface, isWatched: false)
    interfaces.append(captured)
    let ladder = ladder
    for direction in directions(of: interface) {
      let link = try namespace.run { () throws(SystemCallError) -> Result<Link, any Error> in
        Result { try ladder.attach(to: interface, direction) }
      }
      add(try link.get(), to: captured, direction)
    }
  }

  /// Takes over the links that are finished.
  mutating func takeFinished(_ notice: (CaptureNotice) -> Void) throws { try take(done.takeCount(), notice) }

  /// Takes over the next `count` links, waiting for those that are not finished.
  private mutating func take(_ count: Int, _ notice: (CaptureNotice) -> Void) throws {
    for _ in 0..<min(count, attaching.count) {
      let next = attaching.removeFirst()
      do { add(try next.link.take(), to: next.interface, next.direction) } catch let error as AttachError {
        // One that went away meanwhile is no news.
        if takesAll, case .noSuchInterface = error.reason { continue }
        // Nothing would ever come where not even the last one could be attached to.
        guard takesAll || !functions.isEmpty, !attachments.isEmpty || !attaching.isEmpty else { throw error }
        notice(.notAttached(error))
        continue
      }
      notice(.attached(attachments[attachments.count - 1]))
    }
  }

  private mutating func add(
    _ link: consuming Link, to interface: CapturedInterface, _ direction: CaptureRecord.Direction
  ) {
    attachments.append(
      CaptureAttachment(
        interface: interface.name, direction: direction, hook: link.place.hook, rung: link.rung,
        refusals: link.refusals,
        leftOversRemoved: link.leftOversRemoved))
    interface.add(link)
  }

  /// Passes on what has become of the interfaces. Returns whether none is left.
  mutating func look(_ notice: (CaptureNotice) -> Void) -> Bool {
    // While the kernel attaches it answers no question about interfaces: the news waits until then.
    guard attaching.isEmpty else { return false }
    // Whatever the news was, and also where some was missed: what counts is how things are now.
    guard let interfaces = try? RouteSocket().interfaces() else { return false }
    for captured in self.interfaces where captured.isWatched && !captured.isGone {
      let isUp = interfaces.first { $0.index == captured.index }?.isUp
      switch (isUp, captured.isUp) {
      case (nil, _):
        notice(.interfaceIsGone(captured.name))
        captured.isGone = true
        captured.detach()
      case (false, true): notice(.interfaceIsDown(captured.name))
      case (true, false): notice(.interfaceIsUp(captured.name))
      default: break
      }
      captured.isUp = isUp ?? false
    }
    if takesAll {
      let known = Set(self.interfaces.filter { !$0.isGone }.map(\.index))
      for interface in interfaces where !known.contains(interface.index) { try? begin(interface) }
      return false
    }
    return self.interfaces.allSatisfy(\.isGone)
  }

  /// Waits for what the kernel is still busy with, and ends it all.
  mutating func detach(_ notice: (CaptureNotice) -> Void) throws {
    try take(attaching.count, notice)
    for attached in interfaces + functions { attached.detach() }
  }
}

extension CaptureAttachment {
  /// A word for where packets are taken.
  var mode: String {
    switch (hook, rung.mode) {
    case (.tracing, _): return "fentry"
    case (.kprobe, _): return "kprobe"
    case (_, let mode?): return "xdp-\(mode.rawValue)"
    case (_, nil): return rung.way == .link ? "tcx" : "tc"
    }
  }
}
