internal import BPFLoader
internal import CaptureProgram
internal import FlowTable
internal import Glibc
package import LinuxCalls
internal import RouteNetlink

/// Flows being counted: the loaded programs, their map, and the interfaces that they are attached to.
package struct FlowSession: ~Copyable {
  private let options: FlowOptions
  private let isOnTerminal: Bool
  private let counts: CaptureCounts
  private let map: Map
  private var sources: CaptureSources
  private var table: FlowTable
  private var evicted: UInt64 = 0
  private let events: EventQueue
  private let signals: SignalQueue
  private let monitor: LinkMonitor
  private var input: FileDescriptor?
  private let started: UInt64
  private var clock = WallClock()

  private enum Token {
    static let signals: UInt64 = 0
    static let monitor: UInt64 = 1
    static let attached: UInt64 = 2
    static let input: UInt64 = 3
  }

  /// Loads a program and makes the maps; nothing is attached yet.
  /// - Parameter isOnTerminal: the signals of terminals go to the output.
  package init(_ options: FlowOptions, isOnTerminal: Bool = false) throws {
    let programs = try CapturePrograms(
      .flows(filter: options.filter, flowCount: options.flowCount, sample: options.sample), options.direction,
      usesXDP: !options.xdpRungs.isEmpty)
    let sources = CaptureSources(
      CaptureLadder(programs: programs, xdpRungs: options.xdpRungs, classifierRungs: options.classifierRungs),
      options.direction, takesLoopbackOnce: true, done: try Notification())
    let events = try EventQueue()
    let signals = try SignalQueue(
      [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1] + (isOnTerminal ? [SIGWINCH, SIGTSTP] : []))
    try events.watch(signals.descriptor, token: Token.signals)
    try events.watch(sources.done.descriptor, token: Token.attached)
    let monitor = try LinkMonitor()
    try events.watch(monitor.descriptor, token: Token.monitor)
    started = Clock.monotonic
    table = FlowTable(start: started)
    counts = CaptureCounts(map: programs.map(CaptureProgram.counters), names: .flows)
    map = programs.map(CaptureProgram.flows)
    self.options = options
    self.isOnTerminal = isOnTerminal
    self.sources = sources
    self.events = events
    self.signals = signals
    self.monitor = monitor
  }

  /// As those of ``CaptureSession``.
  package mutating func beginAttaching(to name: String) throws { try sources.begin(name) }
  package mutating func beginAttachingToAll() throws { try sources.beginAll() }
  package var gone: [String] { sources.gone }

  /// Tells the output when there is something to read.
  package mutating func watch(_ input: consuming FileDescriptor) throws {
    try events.watch(input, token: Token.input)
    self.input = consume input
  }

  /// Counts until the time is over, a signal ends it or the output has had enough; then detaches, reads the map for the last time,
  /// and returns what became of every packet.
  package mutating func run(_ output: inout some FlowOutput & ~Copyable) throws -> FlowStatistics {
    let end = options.duration.map { started + UInt64(max($0, 0) * 1e9) }
    let interval = options.interval.map { UInt64(max($0, 0.001) * 1e9) }
    var nextRound = interval.map { started + $0 }
    // Nobody should look at nothing until the first interval is over.
    var goesOn = try !isOnTerminal || showAgain(&output)
    while goesOn {
      let now = Clock.monotonic
      var milliseconds: Int?
      for deadline in [end, nextRound] {
        guard let deadline else { continue }
        // Rounded up, so that the deadline is over when the wait is.
        milliseconds = min(milliseconds ?? .max, deadline > now ? Int((deadline - now + 999_999) / 1_000_000) : 0)
      }
      var (isSignalled, hasNews, isAttached, hasInput) = (false, false, false, false)
      try events.wait(milliseconds: milliseconds) { token in
        if token == Token.signals { isSignalled = true }
        if token == Token.monitor { hasNews = true }
        if token == Token.attached { isAttached = true }
        if token == Token.input { hasInput = true }
      }
      if isAttached { try sources.takeFinished { output.notice($0) } }
      if hasNews { _ = monitor.events() }
      if hasNews || isAttached, sources.look({ output.notice($0) }) { goesOn = false }
      if hasNews || isAttached, isOnTerminal, goesOn { goesOn = try showAgain(&output) }
      if hasInput { goesOn = try output.input() && showAgain(&output) && goesOn }
      if isSignalled {
        while let signal = signals.next() {
          switch signal {
          case SIGUSR1: output.statistics(try statistics(counts.read()))
          case SIGWINCH, SIGTSTP:
            output.terminalSignal(signal)
            goesOn = try showAgain(&output) && goesOn
          default: goesOn = false
          }
        }
      }
      let then = Clock.monotonic
      if let end, then >= end { goesOn = false }
      if goesOn, let round = nextRound, let interval, then >= round {
        goesOn = try show(&output, isLast: false)
        nextRound = max(round + interval, Clock.monotonic)
      }
    }
    try sources.detach { output.notice($0) }
    settle()
    _ = try show(&output, isLast: true)
    return try statistics(counts.read())
  }

  /// Waits for programs that were running on other CPUs when they were detached.
  private func settle() {
    var before: CaptureCounters?
    for _ in 0..<100 {
      let now = try? counts.read()
      if let now, now == before { return }
      before = now
      usleep(2000)
    }
  }

  private mutating func show(_ output: inout some FlowOutput & ~Copyable, isLast: Bool) throws -> Bool {
    let counters = try read()
    return output.show(&table, statistics(counters), isLast: isLast)
  }

  private mutating func showAgain(_ output: inout some FlowOutput & ~Copyable) throws -> Bool {
    let counters = try counts.read()
    return output.show(&table, statistics(counters), isLast: false)
  }

  /// Reads the map. Returns the counters of before.
  private mutating func read() throws -> CaptureCounters {
    // Flows that are inserted while the map is read then never look like evicted ones that were not.
    let counters = try counts.read()
    clock.look()
    let now = Clock.monotonic
    table.begin(at: now, sinceEpoch: clock.realtime(atMonotonic: 0))
    var failure: (any Error)?
    try map.forEachElement(batchCount: 4096) { key, value in
      do { try table.add(key, value) } catch { failure = error }
    }
    if let failure { throw failure }
    table.end()
    let there = UInt64(table.flows.count)
    evicted = max(evicted, counters.inserted - min(there, counters.inserted))
    return counters
  }

  private func statistics(_ counters: CaptureCounters) -> FlowStatistics {
    FlowStatistics(
      counters, table, evicted: evicted, capacity: options.flowCount, sample: options.sample,
      seconds: Double(Clock.monotonic - started) / 1e9, via: sources.modes)
  }
}
