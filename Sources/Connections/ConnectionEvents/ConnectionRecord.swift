internal import ByteReading
package import CaptureEvents

/// What the programs tell of a connection: `struct connection_record`, bpf/include/connection_record.h. Each end of a
/// connection has its own where both are on this machine.
package struct ConnectionRecord: Sendable {
  /// `enum connection_event`
  package enum Event: UInt8, Sendable {
    case opened, closed, refused, aborted, syn
    /// Steps in which the owner may become known.
    case begun, accepted, found
    /// The kernel gave up waiting for the third segment. It does not say so: see ``HalfOpen``.
    case halfOpen
  }

  package var event: Event
  /// Nanoseconds of CLOCK_MONOTONIC.
  package var time: UInt64
  /// When its first segment went out or came in; `nil` where that was before the programs began, or nothing was kept of it.
  package var opened: UInt64?
  package var established: UInt64?
  /// The same number in all records of one end of a connection; another may have it later.
  package var socket: UInt64
  /// `SO_COOKIE` of socket(7), which no other socket gets until the machine is started again; `nil` before Linux 5.12.
  package var cookie: UInt64?
  /// Bytes of data, without those that were sent again.
  package var bytesSent: UInt64
  package var bytesReceived: UInt64
  package var owner: ConnectionOwner
  package var local: SocketAddress
  package var remote: SocketAddress
  /// The network namespace's inode.
  package var namespace: UInt32
  package var segmentsSent: UInt32
  package var segmentsReceived: UInt32
  /// Segments that were sent again, also of the handshake.
  package var retransmits: UInt32
  /// Smoothed, in microseconds.
  package var roundTrip: UInt32?
  /// errno(3) of the socket; 0 for none.
  package var error: UInt32
  package var flags: Flags
  /// Whether the socket is one of IPv6, which may well be connected over IPv4.
  package var isIPv6Socket: Bool
  /// The state that the socket was in before.
  package var state: SocketState
  /// Of a listening socket: connections that wait for accept(2), how many may, and those in their handshake.
  package var queue: (waiting: UInt32, limit: UInt32, halfOpen: UInt32)

  /// `enum connection_flag`
  package struct Flags: OptionSet, Sendable {
    package let rawValue: UInt16
    package init(rawValue: UInt16) { self.rawValue = rawValue }

    package static let active = Flags(rawValue: 1 << 0)
    package static let passive = Flags(rawValue: 1 << 1)
    package static let resetSent = Flags(rawValue: 1 << 2)
    package static let resetReceived = Flags(rawValue: 1 << 3)
    package static let found = Flags(rawValue: 1 << 4)
    package static let untracked = Flags(rawValue: 1 << 5)
    package static let synForgotten = Flags(rawValue: 1 << 6)
    package static let shutDown = Flags(rawValue: 1 << 7)
  }

  package static let byteCount = 176

  package init(_ record: RawSpan) throws(ConnectionRecordError) {
    let kind: UInt8
    guard record.byteCount >= Self.byteCount else { throw .truncated(byteCount: record.byteCount) }
    do throws(TruncatedError) {
      time = try record.read(UInt64.self, at: 0)
      opened = Self.known(try record.read(UInt64.self, at: 8))
      established = Self.known(try record.read(UInt64.self, at: 16))
      socket = try record.read(UInt64.self, at: 24)
      cookie = Self.known(try record.read(UInt64.self, at: 32))
      bytesSent = try record.read(UInt64.self, at: 40)
      bytesReceived = try record.read(UInt64.self, at: 48)
      owner = try ConnectionOwner(record, at: 56)
      local = try SocketAddress(record, address: 96, port: 128)
      remote = try SocketAddress(record, address: 112, port: 130)
      namespace = try record.read(UInt32.self, at: 132)
      segmentsSent = try record.read(UInt32.self, at: 136)
      segmentsReceived = try record.read(UInt32.self, at: 140)
      retransmits = try record.read(UInt32.self, at: 144)
      let roundTrip = try record.read(UInt32.self, at: 148)
      self.roundTrip = roundTrip == 0 ? nil : roundTrip
      error = try record.read(UInt32.self, at: 152)
      flags = Flags(rawValue: try record.read(UInt16.self, at: 156))
      kind = try record.read(UInt8.self, at: 158)
      isIPv6Socket = try record.read(UInt8.self, at: 159) == 10
      state = SocketState(rawValue: try record.read(UInt8.self, at: 160)) ?? .close
      queue = (
        try record.read(UInt32.self, at: 164), try record.read(UInt32.self, at: 168),
        try record.read(UInt32.self, at: 172)
      )
    } catch { throw .truncated(byteCount: record.byteCount) }
    guard let event = Event(rawValue: kind), event != .halfOpen else { throw .unknownEvent(kind) }
    self.event = event
  }

  private static func known(_ value: UInt64) -> UInt64? { value == 0 ? nil : value }
}

/// Why a record is not one of ours.
package enum ConnectionRecordError: Error, Hashable, Sendable, CustomStringConvertible {
  case truncated(byteCount: Int)
  case unknownEvent(UInt8)

  package var description: String {
    switch self {
    case .truncated(let count): "a connection's record of \(count) bytes, which has \(ConnectionRecord.byteCount)"
    case .unknownEvent(let event): "a connection's record of event \(event), which there is not"
    }
  }
}
