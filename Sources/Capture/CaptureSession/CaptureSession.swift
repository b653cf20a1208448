internal import BPFLinks
internal import BPFLoader
internal import BPFRings
internal import CaptureEvents
internal import CaptureFiles
internal import CaptureProgram
internal import Glibc
package import LinuxCalls
internal import PacketFilter
internal import RouteNetlink

/// A running capture: the loaded programs, their ring, and the interfaces that they are attached to.
package struct CaptureSession: ~Copyable {
  private let options: CaptureOptions
  private let programs: CapturePrograms
  private var ring: RingBuffer
  private let reader: SharedVariable
  /// What the kernel is still busy with, in the order of asking.
  private var attaching: [Attaching] = []
  private let attachingDone: Notification
  /// In the order of their numbers, which packets have.
  private var interfaces: [CapturedInterface] = []
  /// How many of them the output knows.
  private var announcedCount = 0
  /// Whether interfaces that come later are captured on, too.
  private var takesAll = false
  /// How interfaces are attached.
  package private(set) var attachments: [CaptureAttachment] = []
  private let events: EventQueue
  private let signals: SignalQueue
  private let started = Clock.monotonic
  private var clock = WallClock()

  /// News of interfaces, in the namespace of the thread that made the session.
  private let monitor: LinkMonitor
  /// Ends the capture when it is given, from any thread.
  package let stop: Notification
  /// The interfaces that went away while they were captured on.
  package var gone: [String] { interfaces.filter(\.isGone).map(\.name) }
  private var deliveredCount: UInt64 = 0
  private var pastCount: UInt64 = 0
  private var notWritten: UInt64 = 0

  /// How long the reader sleeps while packets come: they are shown this much later at most, and cost no wake-up each.
  private static let restMilliseconds = 10
  /// How many records are read before signals and clocks are looked at again.
  private static let batchCount = 4096

  private enum Token {
    static let ring: UInt64 = 0
    static let signals: UInt64 = 1
    static let monitor: UInt64 = 2
    static let stop: UInt64 = 3
    static let attached: UInt64 = 4
  }

  private struct Attaching {
    let interface: CapturedInterface
    let direction: CaptureRecord.Direction
    let link: Concurrently<Link>
  }

  /// Loads a program and makes the ring; nothing is attached yet.
  package init(_ options: CaptureOptions) throws {
    let usesXDP = options.direction != .out && !options.xdpRungs.isEmpty
    let programs = try CapturePrograms(
      .capture(filter: options.filter, snapLength: options.snapLength, ringByteCount: options.ringByteCount),
      filter: options.filter,
      first: usesXDP
        ? CaptureProgram.xdp : CaptureProgram.classifier(isOutgoing: options.direction == .out, isEthernet: true))
    let ring = try RingBuffer(
      adopting: programs.map(CaptureProgram.ring).descriptor.duplicate(), byteCount: options.ringByteCount)
    let reader = try programs.variable(CaptureProgram.reader)
    let events = try EventQueue()
    let signals = try SignalQueue([SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1])
    // Only wake-ups count, not that something lies in the ring: while it rests, the reader leaves it there.
    try events.watch(ring.descriptor, token: Token.ring, edgeTriggered: true)
    try events.watch(signals.descriptor, token: Token.signals)
    let stop = try Notification()
    try events.watch(stop.descriptor, token: Token.stop)
    let attachingDone = try Notification()
    try events.watch(attachingDone.descriptor, token: Token.attached)
    let monitor = try LinkMonitor()
    try events.watch(monitor.descriptor, token: Token.monitor)
    self.options = options
    self.monitor = monitor
    self.stop = stop
    self.attachingDone = attachingDone
    self.programs = programs
    self.ring = ring
    self.reader = reader
    self.events = events
    self.signals = signals
  }

  // MARK: Attaching

  private var directions: [CaptureRecord.Direction] {
    switch options.direction {
    case .in: [.incoming]
    case .out: [.outgoing]
    case .both: [.incoming, .outgoing]
    }
  }

  private var ladder: CaptureLadder {
    CaptureLadder(programs: programs, xdpRungs: options.xdpRungs, classifierRungs: options.classifierRungs)
  }

  /// Begins to attach to one more interface of the calling thread's network namespace. Programs see
  /// packets long before the kernel says that they are attached: that waits for an RCU grace period, some 10 ms. ``run(_:)``
  /// reads them meanwhile, and throws the `AttachError` where the kernel refuses.
  /// - Throws: `AttachError` where there is no such interface.
  package mutating func beginAttaching(to name: String) throws {
    try beginAttaching(to: AttachPlace(program: "", hook: .xdp, target: name).interface())
  }

  /// Begins to attach to all interfaces that there are, and will be. Those where that is not possible are left out.
  package mutating func beginAttachingToAll() throws {
    takesAll = true
    for interface in try RouteSocket().interfaces() { try beginAttaching(to: interface) }
  }

  private mutating func beginAttaching(to interface: NetworkInterface) throws(SystemCallError) {
    let captured = CapturedInterface(interface, isWatched: true)
    captured.isUp = interface.isUp || !takesAll
    interfaces.append(captured)
    let ladder = ladder
    for direction in directions {
      let link = try Concurrently(done: attachingDone) { try ladder.attach(to: interface, direction) }
      attaching.append(Attaching(interface: captured, direction: direction, link: link))
    }
  }

  /// Attaches to an interface of another namespace, and waits until that is done. What becomes of the
  /// interface is not watched.
  package mutating func attach(to name: String, in namespace: borrowing NetworkNamespace) throws {
    let interface = try namespace.run { () throws(AttachError) in
      try AttachPlace(program: "", hook: .xdp, target: name).interface()
    }
    let captured = CapturedInterface(interface, isWatched: false)
    interfaces.append(captured)
    let ladder = ladder
    for direction in directions {
      let link = try namespace.run { () throws(SystemCallError) -> Result<Link, any Error> in
        Result { try ladder.attach(to: interface, direction) }
      }
      add(try link.get(), to: captured, direction)
    }
  }

  /// Takes over the next `count` links, waiting for those that are not finished.
  private mutating func takeAttached(_ count: Int, _ output: inout some CaptureOutput & ~Copyable) throws {
    for _ in 0..<min(count, attaching.count) {
      let next = attaching.removeFirst()
      do { add(try next.link.take(), to: next.interface, next.direction) } catch let error as AttachError {
        // One that went away meanwhile is no news.
        if takesAll, case .noSuchInterface = error.reason { continue }
        // Nothing would ever come where not even the last one could be attached to.
        guard takesAll, !attachments.isEmpty || !attaching.isEmpty else { throw error }
        output.notice(.notAttached(error))
        continue
      }
      output.notice(.attached(attachments[attachments.count - 1]))
    }
  }

  private mutating func add(
    _ link: consuming Link, to interface: CapturedInterface, _ direction: CaptureRecord.Direction
  ) {
    attachments.append(
      CaptureAttachment(
        interface: interface.name, direction: direction, rung: link.rung, refusals: link.refusals,
        leftOversRemoved: link.leftOversRemoved))
    interface.add(link)
  }

  /// Where packets are taken, each once: `xdp-native`.
  private var modes: String {
    attachments.reduce(into: [String]()) { modes, attachment in
      if !modes.contains(attachment.mode) { modes.append(attachment.mode) }
    }.joined(separator: "+")
  }

  /// Tells the output of interfaces that it does not know yet.
  private mutating func announce(to output: inout some CaptureOutput & ~Copyable) {
    for interface in interfaces[announcedCount...] {
      output.interface(
        CaptureInterface(
          name: interface.name, filter: options.filter?.expression,
          comments: options.snapLength == nil ? ["packets' headers only"] : [], linkType: interface.linkType,
          snapLength: UInt32(clamping: options.snapLength ?? 0)))
    }
    announcedCount = interfaces.count
  }

  /// Delivers packets until the count or the time is over, a signal ends it or the output fails; then detaches, delivers
  /// what is still in the ring, and returns what became of every packet.
  package mutating func run(_ output: inout some CaptureOutput & ~Copyable) throws -> CaptureStatistics {
    let end = options.duration.map { started + UInt64(max($0, 0) * 1e9) }
    let interval = options.statisticsInterval.map { UInt64(max($0, 0.001) * 1e9) }
    var nextReport = interval.map { started + $0 }
    var goesOn = true
    announce(to: &output)
    // How long nothing has come, in rests.
    var quietRests = 0

    while goesOn {
      reader.store(CaptureProgram.Reader.runs)
      let count = drain(into: &output, limit: Self.batchCount)
      goesOn = output.pause()
      clock.look()
      if let limit = options.count, deliveredCount >= limit { break }

      var milliseconds: Int? = 0
      if count < Self.batchCount {
        quietRests = count > 0 ? 0 : quietRests + 1
        milliseconds = quiet(quietRests)
      }
      let now = Clock.monotonic
      for deadline in [end, nextReport] {
        guard let deadline else { continue }
        // Rounded up, so that the deadline is over when the wait is.
        let rest = deadline > now ? Int((deadline - now + 999_999) / 1_000_000) : 0
        milliseconds = min(milliseconds ?? .max, rest)
      }
      var (isSignalled, hasNews, isAttached) = (false, false, false)
      try events.wait(milliseconds: milliseconds) { token in
        if token == Token.signals { isSignalled = true }
        if token == Token.monitor { hasNews = true }
        if token == Token.stop { goesOn = false }
        if token == Token.attached { isAttached = true }
      }
      if isAttached { try takeAttached(attachingDone.takeCount(), &output) }
      if hasNews { _ = monitor.events() }
      // While the kernel attaches it answers no question about interfaces: the news waits until then.
      if hasNews || isAttached, attaching.isEmpty, lookAtInterfaces(&output) { goesOn = false }

      if isSignalled {
        while let signal = signals.next() {
          if signal == SIGUSR1 { output.statistics(try statistics()) } else { goesOn = false }
        }
      }
      let then = Clock.monotonic
      if let end, then >= end { goesOn = false }
      if let report = nextReport, let interval, then >= report {
        output.statistics(try statistics())
        nextReport = max(report + interval, then)
      }
    }
    return try finish(&output)
  }

  /// Passes on what has changed. Returns whether no interface is left.
  private mutating func lookAtInterfaces(_ output: inout some CaptureOutput & ~Copyable) -> Bool {
    // Whatever the news was, and also where some was missed: what counts is how things are now.
    guard let interfaces = try? RouteSocket().interfaces() else { return false }
    for captured in self.interfaces where captured.isWatched && !captured.isGone {
      let isUp = interfaces.first { $0.index == captured.index }?.isUp
      switch (isUp, captured.isUp) {
      case (nil, _):
        output.notice(.interfaceIsGone(captured.name))
        captured.isGone = true
        captured.detach()
      case (false, true): output.notice(.interfaceIsDown(captured.name))
      case (true, false): output.notice(.interfaceIsUp(captured.name))
      default: break
      }
      captured.isUp = isUp ?? false
    }
    if takesAll {
      let known = Set(self.interfaces.filter { !$0.isGone }.map(\.index))
      for interface in interfaces where !known.contains(interface.index) { try? beginAttaching(to: interface) }
      announce(to: &output)
      return false
    }
    return self.interfaces.allSatisfy(\.isGone)
  }

  /// Tells the programs how to wake the reader, and returns for how long it may sleep.
  private mutating func quiet(_ quietRests: Int) -> Int? {
    guard quietRests > 0 else {
      reader.store(CaptureProgram.Reader.rests)
      return Self.restMilliseconds
    }
    reader.store(CaptureProgram.Reader.waits)
    // A program that read the variable just before may have left a record without waking anybody, and its own writes may
    // still be on their way to us. One more rest is far longer than that takes; then it is safe to sleep for good.
    return quietRests == 1 || !ring.isEmpty ? Self.restMilliseconds : nil
  }

  private mutating func drain(into output: inout some CaptureOutput & ~Copyable, limit: Int) -> Int {
    let wanted = options.count.map { UInt64(max($0, 0)) } ?? .max
    var delivered = deliveredCount
    var (past, failed): (UInt64, UInt64) = (0, 0)
    var numbers = InterfaceNumbers(interfaces)
    let clock = clock
    let count = ring.drain(limit: limit, orderedBy: CaptureRecord.time(of:)) { record in
      if delivered >= wanted {
        past += 1
        return
      }
      do throws(CaptureRecordError) {
        let head = try CaptureRecord(record)
        let arrival = PacketArrival(
          nanoseconds: Int64(truncatingIfNeeded: clock.realtime(atMonotonic: head.time)),
          interface: numbers.number(of: head.interface), direction: head.direction, linkType: head.linkType)
        if output.packet(record.extracting(head.frameRange), wireLength: head.wireLength, arrival) {
          delivered += 1
        } else {
          failed += 1
        }
      } catch {
        // The program writes the records, so one that does not hold together is our own mistake.
        fatalError("\(error)")
      }
    }
    deliveredCount = delivered
    pastCount += past
    notWritten += failed
    return count
  }

  /// Detaches, reads on until everything that the programs delivered has been read, and adds up.
  private mutating func finish(_ output: inout some CaptureOutput & ~Copyable) throws -> CaptureStatistics {
    try takeAttached(attaching.count, &output)
    for interface in interfaces { interface.detach() }
    // A program that was running on another CPU may still be about to deliver.
    for _ in 0..<100 {
      while drain(into: &output, limit: Self.batchCount) > 0 {}
      _ = output.pause()
      if try counters().delivered == deliveredCount + pastCount + notWritten { break }
      usleep(1000)
    }
    deliveredCount -= output.notWrittenCount
    notWritten += output.notWrittenCount
    return try statistics()
  }

  private func counters() throws -> CaptureCounters {
    let map = programs.map(CaptureProgram.counters)
    let key = [UInt8](repeating: 0, count: 4)
    // While packets come, a program may be between two counts; the next look finds another moment.
    for _ in 0..<1000 {
      if let counters = try? CaptureCounters(perCPU: try map.value(forKey: key)) { return counters }
    }
    throw CaptureSessionError.countersNeverBalance
  }

  private func statistics() throws -> CaptureStatistics {
    var counters = try counters()
    // What is still in the ring has not been delivered to anybody: count it once it has.
    let read = deliveredCount + pastCount + notWritten
    let waiting = counters.delivered - min(read, counters.delivered)
    counters.delivered -= waiting
    counters.matched -= waiting
    counters.seen -= waiting
    return CaptureStatistics(
      counters: counters, pastCount: pastCount, notWritten: notWritten,
      seconds: Double(Clock.monotonic - started) / 1e9, via: modes)
  }
}

/// From the kernel's numbers of interfaces to those of the capture.
private struct InterfaceNumbers {
  private let interfaces: [CapturedInterface]
  /// Packets mostly come from the interface that the last one came from.
  private var last: (index: UInt32, number: UInt32) = (0, 0)

  init(_ interfaces: [CapturedInterface]) { self.interfaces = interfaces }

  mutating func number(of index: UInt32) -> UInt32 {
    if index != last.index { last = (index, UInt32(interfaces.lastIndex { $0.index == index } ?? 0)) }
    return last.number
  }
}

extension CaptureAttachment {
  /// A word for where packets are taken.
  var mode: String {
    if let mode = rung.mode { return "xdp-\(mode.rawValue)" }
    return rung.way == .link ? "tcx" : "tc"
  }
}

package enum CaptureSessionError: Error, CustomStringConvertible {
  case countersNeverBalance

  package var description: String {
    switch self {
    case .countersNeverBalance: "the program's counters did not add up in a thousand readings"
    }
  }
}
