internal import BPFLinks
internal import BPFLoader
internal import BPFObjectFile
internal import BPFRings
internal import CaptureEvents
internal import CaptureFiles
internal import CaptureProgram
internal import Glibc
package import LinuxCalls
internal import PacketFilter
internal import RouteNetlink

/// A running capture: the loaded programs, what they write into, and the interfaces that they are attached to.
package struct CaptureSession: ~Copyable {
  private var options: CaptureOptions
  private let programs: CapturePrograms
  private let usesPerfEvents: Bool
  private var records: CaptureReader
  private let reader: SharedVariable
  private var sources: CaptureSources
  private var numbers = InterfaceNumbers()
  /// How interfaces are attached.
  package var attachments: [CaptureAttachment] { sources.attachments }
  private let events: EventQueue
  private let signals: SignalQueue
  private let started = Clock.monotonic
  private var clock = WallClock()

  /// News of interfaces, in the namespace of the thread that made the session.
  private let monitor: LinkMonitor
  /// Ends the capture when it is given, from any thread.
  package let stop: Notification
  /// The interfaces that went away while they were captured on.
  package var gone: [String] { sources.gone }
  private var deliveredCount: UInt64 = 0
  private var pastCount: UInt64 = 0
  private var notWritten: UInt64 = 0

  /// How many records are read before signals and clocks are looked at again.
  private static let batchCount = 4096

  private enum Token {
    static let records: UInt64 = 0
    static let signals: UInt64 = 1
    static let monitor: UInt64 = 2
    static let stop: UInt64 = 3
    static let attached: UInt64 = 4
  }

  /// Loads a program and makes the ring; nothing is attached yet.
  package init(_ options: CaptureOptions) throws {
    let (programs, usesPerfEvents) = try options.transport.load { usesPerfEvents in
      let transport = CaptureSpec.Transport(options, usesPerfEvents: usesPerfEvents)
      return try options.takesFromTCP
        ? Self.tcpPrograms(options, transport) : Self.interfacePrograms(options, transport)
    }
    let records = try CaptureReader(
      programs, usesPerfEvents: usesPerfEvents,
      byteCount: options.ringByteCount(usesPerfEvents: usesPerfEvents))
    let reader = try programs.variable(CaptureProgram.reader)
    let events = try EventQueue()
    let signals = try SignalQueue([SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1])
    try records.watch(by: events, token: Token.records)
    try events.watch(signals.descriptor, token: Token.signals)
    let stop = try Notification()
    try events.watch(stop.descriptor, token: Token.stop)
    let sources = CaptureSources(
      CaptureLadder(programs: programs, xdpRungs: options.xdpRungs, classifierRungs: options.classifierRungs),
      options.direction, done: try Notification())
    try events.watch(sources.done.descriptor, token: Token.attached)
    let monitor = try LinkMonitor()
    try events.watch(monitor.descriptor, token: Token.monitor)
    self.options = options
    self.options.snapLength = options.snapLength(usesPerfEvents: usesPerfEvents)
    self.monitor = monitor
    self.stop = stop
    self.sources = sources
    self.programs = programs
    self.usesPerfEvents = usesPerfEvents
    self.records = records
    self.reader = reader
    self.events = events
    self.signals = signals
  }

  private static func interfacePrograms(
    _ options: CaptureOptions, _ transport: CaptureSpec.Transport
  ) throws -> CapturePrograms {
    try CapturePrograms(
      .interfaces(filter: options.filter, transport), options.direction, usesXDP: !options.xdpRungs.isEmpty)
  }

  private static func tcpPrograms(
    _ options: CaptureOptions, _ transport: CaptureSpec.Transport
  ) throws -> CapturePrograms {
    let spec = try CaptureSpec.tcp(filter: options.filter, transport, namespace: NetworkNamespace.currentInode)
    do { return try CapturePrograms(spec, first: CaptureProgram.tcpReceive(isIPv6: false, isProbe: false)) } catch {
      return try CapturePrograms(spec, first: CaptureProgram.tcpReceive(isIPv6: false, isProbe: true))
    }
  }

  // MARK: Attaching

  /// Begins to attach to one more interface of the calling thread's network namespace. Programs see
  /// packets long before the kernel says that they are attached: that waits for an RCU grace period, some 10 ms. ``run(_:)``
  /// reads them meanwhile, and throws the `AttachError` where the kernel refuses.
  /// - Throws: `AttachError` where there is no such interface.
  package mutating func beginAttaching(to name: String) throws { try sources.begin(name) }

  /// Begins to attach to all interfaces that there are, and will be. Those where that is not possible are left out.
  package mutating func beginAttachingToAll() throws { try sources.beginAll() }

  /// Begins to attach to the functions of the kernel that receive TCP's segments; for ``CaptureOptions/takesFromTCP``.
  package mutating func beginAttachingToTCP() throws { try sources.beginTCP() }

  /// Attaches to an interface of another namespace, and waits until that is done. What becomes of the
  /// interface is not watched.
  package mutating func attach(to name: String, in namespace: borrowing NetworkNamespace) throws {
    try sources.attach(to: name, in: namespace)
  }

  /// Ends the capture when nobody reads any more what is written into a pipe. Other files have no such end.
  package borrowing func endWhenClosed(_ pipe: borrowing FileDescriptor) {
    try? events.watchHangUp(of: pipe, token: Token.stop)
  }

  /// What the programs count.
  package var counts: CaptureCounts { CaptureCounts(map: programs.map(CaptureProgram.counters)) }

  /// Tells the output of the interfaces that were asked for by name. Others it learns of with their first packet: libpcap
  /// reads no file that describes interfaces of several kinds.
  private mutating func announceNamed(to output: inout some CaptureOutput & ~Copyable) {
    guard !sources.takesAll, !options.takesFromTCP else { return }
    for interface in sources.interfaces { numbers.announce(interface, options, to: &output) }
  }

  /// Delivers packets until the count or the time is over, a signal ends it or the output fails; then detaches, delivers
  /// what has not been read yet, and returns what became of every packet.
  package mutating func run(_ output: inout some CaptureOutput & ~Copyable) throws -> CaptureStatistics {
    let end = options.duration.map { started + UInt64(max($0, 0) * 1e9) }
    let interval = options.statisticsInterval.map { UInt64(max($0, 0.001) * 1e9) }
    var nextReport = interval.map { started + $0 }
    var goesOn = true
    announceNamed(to: &output)
    // How long nothing has come, in rests.
    var quietRests = 0
    // Whether the ring fills up, so that nothing can wait in it.
    var isHurried = false

    while goesOn {
      reader.store(CaptureProgram.Reader.runs)
      output.resume(offset: clock.offset)
      let patience = isHurried ? 0 : options.patience
      let count = drain(into: &output, limit: Self.batchCount, patience: patience)
      guard output.pause() else { break }
      clock.look()
      if let limit = options.count, deliveredCount >= limit { break }

      var milliseconds: Int? = 0
      if count < Self.batchCount {
        quietRests = count > 0 || patience > 0 && !records.isEmpty ? 0 : quietRests + 1
        milliseconds = quiet(quietRests)
      }
      let now = Clock.monotonic
      for deadline in [end, nextReport] {
        guard let deadline else { continue }
        // Rounded up, so that the deadline is over when the wait is.
        let rest = deadline > now ? Int((deadline - now + 999_999) / 1_000_000) : 0
        milliseconds = min(milliseconds ?? .max, rest)
      }
      if let due = output.pauseDueMilliseconds { milliseconds = min(milliseconds ?? .max, due) }
      var (isSignalled, hasNews, isAttached, isWoken) = (false, false, false, false)
      try events.wait(milliseconds: milliseconds) { token in
        if token == Token.records { isWoken = true }
        if token == Token.signals { isSignalled = true }
        if token == Token.monitor { hasNews = true }
        if token == Token.stop { goesOn = false }
        if token == Token.attached { isAttached = true }
      }
      isHurried = isWoken && quietRests == 0 && records.isFillingUp
      if isAttached { try sources.takeFinished { output.notice($0) } }
      if hasNews { _ = monitor.events() }
      if hasNews || isAttached, sources.look({ output.notice($0) }) { goesOn = false }

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

  /// Tells the programs how to wake the reader, and returns for how long it may sleep.
  private mutating func quiet(_ quietRests: Int) -> Int? {
    guard quietRests > 0 else {
      reader.store(CaptureProgram.Reader.rests)
      return options.restMilliseconds
    }
    reader.store(CaptureProgram.Reader.waits)
    // A program that read the variable just before may have left a record without waking anybody, and its own writes may
    // still be on their way to us. One more rest is far longer than that takes; then it is safe to sleep for good.
    return quietRests == 1 || !records.isEmpty ? options.restMilliseconds : nil
  }

  /// - Parameter patience: how long packets have to have waited, in nanoseconds.
  private mutating func drain(
    into output: inout some CaptureOutput & ~Copyable, limit: Int, patience: UInt64 = 0
  ) -> Int {
    let last = patience > 0 ? Clock.monotonic - patience : .max
    let wanted = options.count.map { UInt64(max($0, 0)) } ?? .max
    guard deliveredCount < wanted else {
      let count = records.drain(limit: limit, through: last) { _, _ in }
      pastCount += UInt64(count)
      return count
    }
    let limit = Int(clamping: min(UInt64(limit), wanted - deliveredCount))
    var taken = TakenPackets()
    var numbers = numbers
    let (offset, interfaces, options) = (clock.offset, sources.interfaces, options)
    let count = records.drain(limit: limit, through: last) { memory, records in
      var first = 0
      while first < records.count {
        let index = CaptureRecord(written: memory.extracting(records[first])).interface
        let origin = CaptureOrigin(
          interface: index, number: numbers.number(of: index, among: interfaces, options, for: &output),
          clockOffset: offset)
        let more = output.packets(memory, records.extracting(first...), origin)
        first += more.taken + more.refused
        taken.taken += more.taken
        taken.refused += more.refused
      }
    }
    self.numbers = numbers
    deliveredCount += UInt64(taken.taken)
    notWritten += UInt64(taken.refused)
    return count
  }

  /// Detaches, reads on until everything that the programs delivered has been read, and adds up.
  private mutating func finish(_ output: inout some CaptureOutput & ~Copyable) throws -> CaptureStatistics {
    try sources.detach { output.notice($0) }
    // A program that was running on another CPU may still be about to deliver.
    for _ in 0..<100 {
      output.resume(offset: clock.offset)
      while drain(into: &output, limit: Self.batchCount) > 0 {}
      _ = output.pause()
      if try counts.read().delivered == deliveredCount + pastCount + notWritten { break }
      usleep(1000)
    }
    deliveredCount -= output.notWrittenCount
    notWritten += output.notWrittenCount
    return try statistics()
  }

  private func statistics() throws -> CaptureStatistics {
    var counters = try counts.read()
    // What has not been read yet has not been delivered to anybody: count it once it has.
    let read = deliveredCount + pastCount + notWritten
    let waiting = counters.delivered - min(read, counters.delivered)
    counters.delivered -= waiting
    counters.matched -= waiting
    counters.seen -= waiting
    return CaptureStatistics(
      counters: counters, pastCount: pastCount, notWritten: notWritten,
      seconds: Double(Clock.monotonic - started) / 1e9, via: sources.modes,
      usesPerfEvents: usesPerfEvents)
  }
}

/// From the kernel's numbers of interfaces to those of the capture, which count those that the output knows.
private struct InterfaceNumbers {
  private var numbers: [UInt32: UInt32] = [:]
  /// Packets mostly come from the interface that the last one came from.
  private var last: (index: UInt32, number: UInt32)?

  mutating func number(
    of index: UInt32, among interfaces: [CapturedInterface], _ options: CaptureOptions,
    for output: inout some CaptureOutput & ~Copyable
  ) -> UInt32 {
    if let last, index == last.index { return last.number }
    if numbers[index] == nil {
      // One may be newer than the list.
      let interface = interfaces.last { $0.index == index } ?? CapturedInterface(name: "if\(index)", index: index)
      announce(interface, options, to: &output)
    }
    let number = numbers[index] ?? 0
    last = (index, number)
    return number
  }

  /// Tells the output of an interface that it does not know yet.
  mutating func announce(
    _ interface: CapturedInterface, _ options: CaptureOptions, to output: inout some CaptureOutput & ~Copyable
  ) {
    numbers[interface.index] = UInt32(numbers.count)
    output.interface(
      CaptureInterface(
        name: interface.name, description: interface.alias, filter: options.filter?.expression,
        comments: options.snapLength == nil ? ["packets' headers only"] : [], linkType: interface.linkType,
        snapLength: UInt32(clamping: options.snapLength ?? 0)))
  }
}
