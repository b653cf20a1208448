package import ByteReading
package import CaptureEvents

/// Who a connection belongs to, as far as is known, and how: `struct connection_owner_task`.
package struct ConnectionOwner: Sendable {
  /// `enum connection_owner`
  package enum Source: UInt8, Sendable {
    case unknown
    /// The task that called connect(2).
    case connected
    /// The task that called accept(2).
    case accepted
    /// A task that had the socket open when we began.
    case held
    /// The task that called listen(2): nobody has accepted the connection, or not where it could be seen.
    case listened
    /// The task that ran when the connection began to be closed.
    case closed
    /// Only the user that the socket was made for.
    case recorded

    var name: StaticString {
      switch self {
      case .unknown: "unknown"
      case .connected: "connected"
      case .accepted: "accepted"
      case .held: "held"
      case .listened: "listened"
      case .closed: "closed"
      case .recorded: "recorded"
      }
    }
  }

  package var source: Source
  /// As numbered in the first PID namespace; 0 where it is unknown.
  package var process: UInt32
  package var user: UInt32
  /// The number of its cgroup in hierarchy 2 (cgroups(7)); 0 where it is unknown.
  package var cgroup: UInt64
  /// The task's name, up to 15 bytes of anything, in the order of memory.
  private var name: (UInt64, UInt64)

  private static let nameByteCount = 16

  package init(_ record: RawSpan, at offset: Int) throws(TruncatedError) {
    cgroup = try record.read(UInt64.self, at: offset)
    process = try record.read(UInt32.self, at: offset + 8)
    user = try record.read(UInt32.self, at: offset + 12)
    name = (
      UInt64(littleEndian: try record.read(UInt64.self, at: offset + 16)),
      UInt64(littleEndian: try record.read(UInt64.self, at: offset + 24))
    )
    source = Source(rawValue: try record.read(UInt8.self, at: offset + 32)) ?? .unknown
  }

  /// Whether a task is known, not only a user or nothing.
  package var hasTask: Bool { source != .unknown && source != .recorded }
  package var hasUser: Bool { source != .unknown }

  private func byte(_ index: Int) -> UInt8 {
    UInt8(truncatingIfNeeded: (index < 8 ? name.0 : name.1) >> UInt64(8 * (index & 7)))
  }

  /// The name's bytes up to its zero; what is no printable ASCII is shown as `?`.
  package func writeName(limit: Int = .max, into out: inout OutputBuffer) {
    for index in 0..<min(Self.nameByteCount, limit) {
      let byte = byte(index)
      guard byte != 0 else { return }
      out.append(byte >= 0x20 && byte < 0x7f ? byte : UInt8(ascii: "?"))
    }
  }

  /// The name so that what is not sure does not look as if it were: `[nginx]` listens, or had the socket open; `curl?` merely
  /// ran. Where no task is known, the user: `uid 33`, and `-` where nobody is.
  func write(limit: Int = .max, into out: inout OutputBuffer) {
    switch source {
    case .connected, .accepted: writeName(limit: limit, into: &out)
    case .held, .listened:
      out.append("[")
      writeName(limit: limit - 2, into: &out)
      out.append("]")
    case .closed:
      writeName(limit: limit - 1, into: &out)
      out.append("?")
    case .recorded:
      out.append("uid ")
      out.appendDecimal(user)
    case .unknown: out.append("-")
    }
  }

  /// The name within a string of JSON. It may be UTF-8 that was cut off, or no text at all: then escapes stand for it.
  func writeJSONName(into out: inout OutputBuffer) {
    for index in 0..<Self.nameByteCount {
      let byte = byte(index)
      guard byte != 0 else { return }
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"):
        out.append("\\")
        out.append(byte)
      case 0x20..<0x7f: out.append(byte)
      default:
        out.append("\\u00")
        out.appendHex(UInt64(byte), width: 2)
      }
    }
  }
}
