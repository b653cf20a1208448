import BPFObjectFile

/// What programs write their records into.
package enum RecordTransport: String, Hashable, Sendable, CaseIterable {
  /// A ring buffer (5.8); where the kernel makes none, what is next.
  case auto
  case ring
  /// An array of perf events: a ring for each CPU.
  case perf

  /// Loads what was asked for.
  /// - Parameter load: loads for perf events, or for a ring buffer.
  package func load<Programs>(
    _ load: (_ usesPerfEvents: Bool) throws -> Programs
  ) throws -> (Programs, usesPerfEvents: Bool) {
    do { return (try load(self == .perf), self == .perf) } catch let error as LoadError {
      // What is not permitted with the one is not with the other.
      guard self == .auto, case .createMap(let map) = error.attempt, map.type == .ringBuffer, error.missing.isEmpty
      else { throw error }
      return (try load(true), true)
    }
  }
}
