internal import BPFLinks
internal import BPFLoader
internal import BPFObjectFile
package import ConnectionEvents
internal import ConnectionProgram
internal import Glibc
package import LinuxCalls

/// Takes what a session has to tell.
package protocol ConnectionOutput: ~Copyable {
  /// - Parameter offset: from CLOCK_MONOTONIC to nanoseconds since 1970.
  mutating func record(_ record: ConnectionRecord, offset: UInt64)
  /// Nothing more is there for a moment. Returns whether to go on.
  mutating func pause() -> Bool
  /// The counters until now, where they were asked for.
  mutating func statistics(_ statistics: ConnectionStatistics)
  /// How many records could not be written.
  var notWrittenCount: UInt64 { get }
}

/// Connections as the kernel's sockets come and go: the programs, their maps, and the reader of what they tell.
package struct ConnectionSession: ~Copyable {
  private let options: ConnectionOptions
  private var source: ConnectionSource
  private var order = ConnectionOrder()
  private var clock = WallClock()
  private let signals: SignalQueue
  /// Signals, whether anybody still reads, and that a ring fills up.
  private let events: EventQueue
  /// Since when connections are looked at, in nanoseconds of CLOCK_MONOTONIC.
  package var began: UInt64 { source.began }
  /// What the kernel does not let us see, in words.
  package var missing: [String] { source.missing }
  /// What the programs are attached to, such as `tp_btf+fexit`.
  package var via: String { source.programs.via }
  /// Ends the session when it is given, from any thread.
  package let stop: Notification

  private var toldCount = 0
  private var pastCount: UInt64 = 0
  private var halfOpenCount: UInt64 = 0

  /// How often the reader looks for records, while they come and while none does. Nobody wakes it for one: see `wake_bytes` in
  /// bpf/include/connection_maps.h.
  private static let (restMilliseconds, idleMilliseconds) = (10, 50)
  /// How often it looks for half-open connections.
  private static let lookMilliseconds = 1000

  private enum Token {
    static let records: UInt64 = 0
    static let signals: UInt64 = 1
    static let stop: UInt64 = 2
  }

  /// Loads and attaches the programs, and looks for what is there already.
  package init(_ options: ConnectionOptions) throws {
    var source = try ConnectionSource(options)
    _ = try source.find()
    let signals = try SignalQueue([SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1])
    let stop = try Notification()
    let events = try EventQueue()
    try events.watch(signals.descriptor, token: Token.signals)
    try events.watch(stop.descriptor, token: Token.stop)
    try source.reader.watch(by: events, token: Token.records)
    self.options = options
    self.source = source
    self.signals = signals
    self.stop = stop
    self.events = events
  }

  /// Ends when nobody reads any more what goes to this pipe or socket. Regular files are never closed by another side.
  package borrowing func endWhenClosed(_ output: borrowing FileDescriptor) {
    try? events.watchHangUp(of: output, token: Token.stop)
  }

  /// Tells of connections until the count or the time is over, a signal ends it or the output fails; then detaches, tells
  /// what is left, and returns what became of it all.
  package mutating func run(_ output: inout some ConnectionOutput & ~Copyable) throws -> ConnectionStatistics {
    let end = options.duration.map { began + UInt64(max($0, 0) * 1e9) }
    let interval = options.statisticsInterval.map { UInt64(max($0, 0.001) * 1e9) }
    var nextReport = interval.map { began + $0 }
    var nextLook = began
    var goesOn = true
    while goesOn {
      let now = Clock.monotonic
      clock.look()
      _ = source.reader.drain { order.add($0) }
      if now >= nextLook {
        try lookForHalfOpen(at: now)
        nextLook = now + UInt64(Self.lookMilliseconds) * 1_000_000
      }
      tell(until: now - ConnectionOrder.patience, &output)
      guard output.pause() else { break }
      if let count = options.count, toldCount >= count { break }
      if let end, now >= end { break }
      if let report = nextReport, let interval, now >= report {
        output.statistics(try statistics(output.notWrittenCount))
        nextReport = max(report + interval, now)
      }
      let due = [end, nextReport, nextLook].compactMap(\.self).min() ?? nextLook
      let milliseconds = due > now ? Int((due - now + 999_999) / 1_000_000) : 0
      var (isSignalled, isStopped) = (false, false)
      func take(_ token: UInt64) {
        if token == Token.signals { isSignalled = true }
        if token == Token.stop { isStopped = true }
      }
      let rest = order.isEmpty ? Self.idleMilliseconds : Self.restMilliseconds
      try events.wait(milliseconds: min(rest, milliseconds), take)
      if isStopped { goesOn = false }
      if isSignalled {
        while let signal = signals.next() {
          if signal == SIGUSR1 { output.statistics(try statistics(output.notWrittenCount)) } else { goesOn = false }
        }
      }
    }
    return try finish(&output)
  }

  private mutating func tell(until time: UInt64?, _ output: inout some ConnectionOutput & ~Copyable) {
    let (offset, limit) = (clock.offset, options.count ?? .max)
    var (told, past) = (toldCount, pastCount)
    order.release(until: time) { record in
      if told >= limit {
        past += 1
      } else {
        output.record(record, offset: offset)
        told += 1
      }
    }
    (toldCount, pastCount) = (told, past)
  }

  /// Tells of connections that the kernel has given up waiting for.
  private mutating func lookForHalfOpen(at now: UInt64) throws {
    guard !options.tellsOnlySYN else { return }
    var over: [(key: [UInt8], halfOpen: HalfOpen)] = []
    try source.programs.map(ConnectionProgram.halfOpen).forEachElement { key, value in
      let (key, value) = (key.copy(), value.copy())
      // The kernel's timer may be late.
      if let halfOpen = HalfOpen(key: key, value: value), halfOpen.end + 1_000_000_000 < now {
        over.append((key, halfOpen))
      }
    }
    for (key, halfOpen) in over {
      // It may have been completed meanwhile.
      guard try source.programs.map(ConnectionProgram.halfOpen).delete(key) else { continue }
      order.add(try halfOpen.record())
      halfOpenCount += 1
    }
  }

  private mutating func finish(_ output: inout some ConnectionOutput & ~Copyable) throws -> ConnectionStatistics {
    source.programs.detach()
    // A program that was running on another CPU may still be about to tell.
    for _ in 0..<100 {
      while source.reader.drain({ order.add($0) }) > 0 {}
      if try source.counters().isBalanced { break }
      usleep(1000)
    }
    tell(until: nil, &output)
    _ = output.pause()
    return try statistics(output.notWrittenCount)
  }

  private func statistics(_ notWritten: UInt64) throws -> ConnectionStatistics {
    var statistics = try source.statistics()
    statistics.seen += halfOpenCount
    statistics.matched += halfOpenCount
    // What is still in the ring has been delivered to nobody.
    let told = UInt64(toldCount)
    let waiting = statistics.delivered + halfOpenCount - min(told + pastCount, statistics.delivered + halfOpenCount)
    statistics.seen -= waiting + pastCount
    statistics.matched -= waiting + pastCount
    statistics.seen += pastCount
    statistics.past = pastCount
    statistics.delivered = told - min(notWritten, told)
    statistics.notWritten = notWritten
    return statistics
  }
}

extension RawSpan {
  fileprivate func copy() -> [UInt8] { unsafe withUnsafeBytes { unsafe Array($0) } }
}

/// What the kernel does not let us see at all.
package struct ConnectionSessionError: Error, CustomStringConvertible {
  package let what: String
  package let refusals: [String]

  package var description: String {
    "\(what): this kernel takes none of the programs for that\n" + refusals.map { "  \($0)" }.joined(separator: "\n")
  }
}
