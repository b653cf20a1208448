internal import BPFLoader
internal import BPFObjectFile
internal import ConnectionEvents
internal import ConnectionProgram
internal import LinuxCalls

/// The connection programs at work, and the reader of what they tell.
struct ConnectionSource: ~Copyable {
  var programs: ConnectionPrograms
  var reader: ConnectionReader
  /// Since when connections are looked at, in nanoseconds of CLOCK_MONOTONIC.
  let began: UInt64
  /// What the kernel does not let us see, in words.
  let missing: [String]

  /// Loads and attaches the programs.
  init(_ options: ConnectionOptions) throws {
    var (programs, usesPerfEvents) = try Self.load(options)
    let began = Clock.monotonic
    let reader = try ConnectionReader(programs, options, usesPerfEvents: usesPerfEvents)
    let missing = try Self.attachWhereAllowed(&programs, options)
    (self.began, self.missing, self.programs) = (began, missing, programs)
    self.reader = reader
  }

  private static func load(_ options: ConnectionOptions) throws -> (ConnectionPrograms, usesPerfEvents: Bool) {
    try options.transport.load { try ConnectionPrograms(ConnectionSpec(options, usesPerfEvents: $0)) }
  }

  /// Attaches what kernels differ in.
  /// - Returns: what this kernel does not let us see, in words.
  private static func attachWhereAllowed(
    _ programs: inout ConnectionPrograms, _ options: ConnectionOptions
  ) throws -> [String] {
    var missing: [String] = []
    if options.tellsOnlySYN {
      guard try programs.climb(ConnectionProgram.syn) else {
        throw ConnectionSessionError(
          what: "see SYNs as listening sockets get them", refusals: programs.refusals)
      }
    } else {
      if try !programs.climb(ConnectionProgram.accept) { missing.append("who accepts a connection") }
      if try !programs.tellsOfResetsWithoutSocket(), try !programs.climb(ConnectionProgram.refusal) {
        missing.append("SYNs that no socket wants")
      }
    }
    if options.tellsSteps, try !programs.climb(ConnectionProgram.begun) {
      missing.append("who begins a connection before it is open")
    }
    return missing
  }

  /// Has the programs look for what is there already.
  /// - Returns: a record of each, where steps are told; otherwise they come with the others.
  mutating func find() throws -> [ConnectionRecord] {
    let bytes = try programs.find()
    return try stride(from: 0, to: bytes.count, by: ConnectionRecord.byteCount).map { start in
      try unsafe ConnectionRecord(bytes.span.bytes.extracting(droppingFirst: start))
    }
  }

  /// What the programs have counted until now.
  func counters() throws -> ConnectionStatistics {
    ConnectionStatistics(perCPU: try programs.map(ConnectionProgram.counters).value(forKey: [0, 0, 0, 0]))
  }

  /// The same as soon as the sums hold: while connections come and go, a program may be between two counts.
  func statistics() throws -> ConnectionStatistics {
    var statistics = try counters()
    for _ in 0..<1000 where !statistics.isBalanced { statistics = try counters() }
    statistics.seconds = Double(Clock.monotonic - began) / 1e9
    statistics.via = programs.via
    statistics.missed = try programs.missCount()
    return statistics
  }
}
