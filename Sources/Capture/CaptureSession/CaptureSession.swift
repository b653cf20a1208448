package import BPFLinks
internal import BPFLoader
internal import BPFObjectFile
internal import BPFRelocation
internal import BPFRings
internal import CaptureProgram
internal import Glibc
package import LinuxCalls
package import PacketFilter
internal import RouteNetlink

/// What a capture is asked to do.
package struct CaptureOptions: Sendable {
  /// The ways of attaching that may be taken, best first.
  package var rungs = Rung.xdp
  /// What the kernel runs for each packet; `nil` for all.
  package var filter: PacketFilter?
  /// The size of the ring, in bytes: a power of two, and a multiple of the page size.
  package var ringByteCount = 8 << 20
  /// How many packets to deliver; `nil` for no limit.
  package var count: Int?
  /// How long to run, in seconds of the clock; `nil` for no limit.
  package var duration: Double?
  /// How often to report statistics, in seconds; `nil` for only at the end.
  package var statisticsInterval: Double?

  package init() {}
}

/// Where the packets and the news of a capture go. All calls come from the thread that runs it.
package protocol CaptureOutput: ~Copyable {
  /// A record of the ring, which ends with the call. Returns whether it could be taken.
  mutating func packet(_ record: RawSpan) -> Bool
  /// No packet comes for a moment: what has been gathered can be written. Returns whether to go on.
  mutating func pause() -> Bool
  /// How many of the packets that it took could not be written after all.
  var notWrittenCount: UInt64 { get }
  /// Something about an interface that the person watching should know.
  mutating func notice(_ notice: CaptureNotice)
  /// The counters, asked for by an interval or a signal.
  mutating func statistics(_ statistics: CaptureStatistics)
}

package enum CaptureNotice: Sendable {
  /// The kernel has finished attaching; packets may have come before.
  case attached(CaptureSession.Attachment)
  case interfaceIsDown(String)
  case interfaceIsUp(String)
  case interfaceIsGone(String)
}

/// A running capture: the loaded program, its ring, and the interfaces that it is attached to.
package struct CaptureSession: ~Copyable {
  private let options: CaptureOptions
  private let object: LoadedObject
  private var ring: RingBuffer
  private let reader: SharedVariable
  /// What the kernel is still busy with, in the order of asking.
  private var attaching: [Concurrently<Link>] = []
  private let attachingDone: Notification
  private var attached: [AttachedInterface] = []
  /// Where packets are taken, each once: `xdp-native`.
  private var modes: [String] = []
  private let events: EventQueue
  private let signals: SignalQueue
  private let started = Clock.monotonic

  /// News of interfaces, in the namespace of the thread that made the session.
  private let monitor: LinkMonitor
  /// Ends the capture when it is given, from any thread.
  package let stop: Notification
  /// The interfaces that went away while they were captured on.
  package private(set) var gone: [String] = []
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

  /// Loads the program and makes the ring; nothing is attached yet.
  package init(_ options: CaptureOptions) throws {
    let object = try Self.load(options)
    guard let records = object.map(CaptureProgram.ring) else { preconditionFailure("the program has no ring") }
    let ring = try RingBuffer(adopting: records.descriptor.duplicate(), byteCount: options.ringByteCount)
    let reader = try Self.readerVariable(of: object)
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
    self.object = object
    self.ring = ring
    self.reader = reader
    self.events = events
    self.signals = signals
  }

  private static func load(_ options: CaptureOptions) throws -> LoadedObject {
    do { return try load(options, hasFragments: true) } catch let error as LoadError {
      // Before Linux 5.18 the kernel does not know the flag and says so before the verifier begins.
      guard case .loadProgram = error.attempt, error.cause.errno == .invalidArgument, error.log?.text.isEmpty ?? true
      else { throw error }
      return try load(options, hasFragments: false)
    }
  }

  private static func load(_ options: CaptureOptions, hasFragments: Bool) throws -> LoadedObject {
    var spec = try spec(filter: options.filter, hasFragments: hasFragments)
    // A quarter of the ring leaves the reader three quarters of the time to wake up in.
    try spec.set(CaptureProgram.wakeBytes, to: UInt32(clamping: options.ringByteCount / 4))
    if let ring = spec.mapIndex(CaptureProgram.ring) {
      spec.maps[ring].maxEntries = UInt32(clamping: options.ringByteCount)
    }
    if hasFragments, let program = spec.programIndex(CaptureProgram.program) {
      spec.programs[program].flags.insert(.xdpHasFragments)
    }
    return try LoadedObject(loading: LoadPlan(spec))
  }

  /// The program, as it is run here and in the kernel.
  static func spec(filter: PacketFilter?, hasFragments: Bool) throws -> ObjectSpec {
    var spec = try ObjectSpec(name: "capture.bpf.o", bytes: captureObject())
    try spec.set(CaptureProgram.hasFragments, to: hasFragments)
    if let filter {
      try spec.set(CaptureProgram.hasFilter, to: true)
      try spec.replaceFunction(CaptureProgram.filter, with: filter.instructions)
    }
    return spec
  }

  private static func readerVariable(of object: LoadedObject) throws -> SharedVariable {
    guard let section = object.map(ofSection: ".bss") else { preconditionFailure("the program has no .bss") }
    return try SharedVariable(in: section.descriptor, offset: 0, byteCount: Int(section.spec.valueSize))
  }

  /// Begins to attach the program to one more interface of the calling thread's network namespace. The program sees
  /// packets long before the kernel says that it is attached: that waits for an RCU grace period, some 10 ms. ``run(_:)``
  /// reads them meanwhile, and throws the `AttachError` where the kernel refuses.
  package mutating func beginAttaching(to interface: String) throws(SystemCallError) {
    let (program, rungs) = (program, options.rungs)
    attaching.append(
      try Concurrently(done: attachingDone) { try program.attachXDP(to: interface, rungs: rungs) })
  }

  /// Attaches the program to an interface of another namespace, and waits until that is done. What becomes of the
  /// interface is not watched.
  package mutating func attach(
    to interface: String, in namespace: borrowing NetworkNamespace
  ) throws(AttachError) {
    let (program, rungs) = (program, options.rungs)
    let link = try namespace.run { () throws(AttachError) in
      try program.attachXDP(to: interface, rungs: rungs)
    }
    add(link, isWatched: false)
  }

  private var program: Program {
    guard let program = object.program(CaptureProgram.program) else { preconditionFailure("there is no program") }
    return program
  }

  /// Takes over the next `count` links, waiting for those that are not finished.
  private mutating func takeAttached(_ count: Int, _ output: inout some CaptureOutput & ~Copyable) throws {
    for _ in 0..<min(count, attaching.count) {
      add(try attaching.removeFirst().take(), isWatched: true)
      output.notice(.attached(attachments[attached.count - 1]))
    }
  }

  private mutating func add(_ link: consuming Link, isWatched: Bool) {
    let mode = link.rung.mode.map { "xdp-\($0.rawValue)" } ?? link.rung.way.rawValue
    if !modes.contains(mode) { modes.append(mode) }
    attached.append(AttachedInterface(link, isWatched: isWatched))
  }

  /// How an interface is attached.
  package struct Attachment: Sendable {
    package let interface: String
    package let rung: Rung
    package let refusals: [Refusal]
    package let leftOversRemoved: [String]
  }

  /// In the order of attaching.
  package var attachments: [Attachment] {
    attached.map {
      Attachment(
        interface: $0.link.place.target, rung: $0.link.rung, refusals: $0.link.refusals,
        leftOversRemoved: $0.link.leftOversRemoved)
    }
  }

  /// Delivers packets until the count or the time is over, a signal ends it or the output fails; then detaches, delivers
  /// what is still in the ring, and returns what became of every packet.
  package mutating func run(_ output: inout some CaptureOutput & ~Copyable) throws -> CaptureStatistics {
    let end = options.duration.map { started + UInt64(max($0, 0) * 1e9) }
    let interval = options.statisticsInterval.map { UInt64(max($0, 0.001) * 1e9) }
    var nextReport = interval.map { started + $0 }
    var goesOn = true
    // How long nothing has come, in rests.
    var quietRests = 0

    while goesOn {
      reader.store(CaptureProgram.Reader.runs)
      let count = drain(into: &output, limit: Self.batchCount)
      goesOn = output.pause()
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
    for attachment in attached where attachment.isWatched {
      let (name, index) = (attachment.link.place.target, attachment.link.place.interfaceIndex)
      switch (interfaces.first { $0.index == index }?.isUp, attachment.isUp) {
      case (nil, _):
        output.notice(.interfaceIsGone(name))
        gone.append(name)
        attached.removeAll { $0 === attachment }
      case (false, true): output.notice(.interfaceIsDown(name))
      case (true, false): output.notice(.interfaceIsUp(name))
      default: break
      }
      attachment.isUp = interfaces.first { $0.index == index }?.isUp ?? false
    }
    return attached.isEmpty
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
    let count = ring.drain(limit: limit) { record in
      if delivered >= wanted {
        past += 1
      } else if output.packet(record) {
        delivered += 1
      } else {
        failed += 1
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
    attached.removeAll()
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
    guard let map = object.map(CaptureProgram.counters) else { preconditionFailure("there are no counters") }
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
      seconds: Double(Clock.monotonic - started) / 1e9, via: modes.joined(separator: "+"))
  }
}

/// A link in a place where arrays can hold it.
private final class AttachedInterface {
  let link: Link
  /// Takes back what would outlive a crash. Without it, the next capture finds and removes that.
  private let lastMessage: LastMessage?
  var isUp = true
  let isWatched: Bool
  init(_ link: consuming Link, isWatched: Bool) {
    lastMessage = try? link.detachBeforeDeath()
    self.link = link
    self.isWatched = isWatched
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
