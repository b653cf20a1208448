package import ConnectionEvents

/// Connections step by step, for somebody who waits for something else: what has come is read when it is asked for.
package struct ConnectionSteps: ~Copyable {
  private var source: ConnectionSource
  /// Since when connections are looked at, in nanoseconds of CLOCK_MONOTONIC.
  package var began: UInt64 { source.began }
  /// What the programs are attached to, such as `tp_btf+fexit`.
  package var via: String { source.programs.via }
  /// What the kernel does not let us see, in words.
  package var missing: [String] { source.missing }

  /// Loads and attaches the programs.
  package init(_ options: ConnectionOptions) throws {
    var options = options
    options.tellsSteps = true
    source = try ConnectionSource(options)
  }

  /// The connections that were there when the programs began; to be asked once, before ``read(_:)``.
  package mutating func found() throws -> [ConnectionRecord] { try source.find() }

  /// Hands out what has come since the last call, nearly in the order of its times. Waits for nothing.
  package mutating func read(_ body: (ConnectionRecord) -> Void) {
    _ = source.reader.drain(body)
  }

  /// What became of all that the programs had to tell.
  package func statistics() throws -> ConnectionStatistics { try source.statistics() }
}
