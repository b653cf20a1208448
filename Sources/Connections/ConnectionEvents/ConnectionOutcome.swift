package import CaptureEvents

/// How a connection ended.
package enum ConnectionOutcome: Hashable, Sendable {
  /// With a FIN; whose came first.
  case finished(by: Side)
  case reset(by: Side)
  /// The answer to the SYN was a reset. By us: no socket wanted it.
  case refused(by: Side)
  /// No answer to what was sent for as long as the kernel is told to try.
  case timedOut
  /// No answer to the SYN.
  case unanswered
  /// Our answer to the SYN was never acknowledged.
  case halfOpen
  /// The process did not wait for the answer to its SYN.
  case givenUp
  /// Another error, by its errno(3).
  case failed(UInt32)

  package enum Side: Hashable, Sendable {
    case local, remote
    var name: StaticString { self == .local ? "local" : "remote" }
  }

  /// `nil` for what is no end.
  package init?(_ record: ConnectionRecord) {
    switch record.event {
    case .opened, .syn, .aborted, .begun, .accepted, .found: return nil
    case .refused: self = .refused(by: .local)
    case .halfOpen: self = .halfOpen
    case .closed: self = .closed(record)
    }
  }

  private static func closed(_ record: ConnectionRecord) -> ConnectionOutcome {
    let flags = record.flags
    switch (record.state, record.error) {
    case (.synSent, LinuxError.connectionRefused): return .refused(by: .remote)
    case (.synSent, 0) where flags.contains(.resetReceived): return .refused(by: .remote)
    case (.synSent, 0) where flags.contains(.shutDown): return .givenUp
    // Who waits may have fetched the error (SO_ERROR) before the state changes.
    case (.synSent, LinuxError.timedOut), (.synSent, 0): return .unanswered
    case (_, LinuxError.timedOut): return .timedOut
    case (_, 0), (_, LinuxError.connectionReset), (_, LinuxError.brokenPipe): break
    default: return .failed(record.error)
    }
    // Where we answer with a reset to what comes behind the end, the kernel notes one of the other side, too.
    if flags.contains(.resetSent) { return .reset(by: .local) }
    if flags.contains(.resetReceived) || record.error != 0 { return .reset(by: .remote) }
    switch record.state {
    case .lastAck: return .finished(by: .remote)
    case .finWait1, .finWait2, .closing, .timeWait: return .finished(by: .local)
    // Dropped without a FIN of ours; what nobody has asked for was an error that has been fetched.
    default: return flags.contains(.shutDown) ? .reset(by: .local) : .timedOut
    }
  }

  package func write(into out: inout OutputBuffer) {
    switch self {
    case .finished(by: .local): out.append("closed")
    case .finished(by: .remote): out.append("peer closed")
    case .reset(by: .local): out.append("reset")
    case .reset(by: .remote): out.append("peer reset")
    case .refused(by: .local): out.append("no listener")
    case .refused(by: .remote): out.append("refused")
    case .timedOut: out.append("timed out")
    case .unanswered: out.append("no answer")
    case .halfOpen: out.append("half-open")
    case .givenUp: out.append("given up")
    case .failed(let error):
      if let name = LinuxError.words(error) {
        out.append(name)
      } else {
        out.append("error ")
        out.appendDecimal(error)
      }
    }
  }

  /// A word for programs: `fin`, `reset`, `refused`, `timeout`, `unanswered`, `half_open`, `given_up`, `error`.
  var name: StaticString {
    switch self {
    case .finished: "fin"
    case .reset: "reset"
    case .refused: "refused"
    case .timedOut: "timeout"
    case .unanswered: "unanswered"
    case .halfOpen: "half_open"
    case .givenUp: "given_up"
    case .failed: "error"
    }
  }

  /// Which side ended it, where one did.
  var side: Side? {
    switch self {
    case .finished(let side), .reset(let side), .refused(let side): side
    default: nil
    }
  }
}

/// Errors of sockets: include/uapi/asm-generic/errno.h.
enum LinuxError {
  static let brokenPipe: UInt32 = 32
  static let connectionReset: UInt32 = 104
  static let timedOut: UInt32 = 110
  static let connectionRefused: UInt32 = 111

  static func words(_ error: UInt32) -> StaticString? {
    switch error {
    case 100: "network down"
    case 101: "network unreachable"
    case 103: "aborted"
    case 112: "host down"
    case 113: "host unreachable"
    default: nil
    }
  }
}
