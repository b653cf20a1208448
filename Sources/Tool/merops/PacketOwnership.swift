import BPFLoader
import CaptureEvents
import ConnectionEvents
import ConnectionSession
import LinuxCalls

/// `--process`: whose the packets are, from the connections of this machine.
struct PacketOwnership: ~Copyable {
  private var steps: ConnectionSteps
  private var index: ConnectionIndex
  /// From CLOCK_MONOTONIC to the times of packets, in nanoseconds.
  private var offset: UInt64 = 0
  private var containers = ContainerNames()
  /// What is told of between packets; `nil` where nothing is.
  private var order: ConnectionOrder?
  /// When the kernel was asked for the last time, in nanoseconds of CLOCK_MONOTONIC.
  private var readAt: UInt64 = 0
  /// The network namespace's, in which packets are seen.
  private let namespace: UInt32

  /// Begins to follow connections.
  /// - Parameters:
  ///   - connectionCount: for how many there is room.
  ///   - tellsOfConnections: whether there is something to ``tell(until:_:)``.
  init(connectionCount: Int, transport: RecordTransport, tellsOfConnections: Bool) throws {
    var options = ConnectionOptions()
    options.tableCount = connectionCount
    options.transport = transport
    var steps = try ConnectionSteps(options)
    let found = try steps.found()
    // Those that are closed are remembered for a while.
    index = ConnectionIndex(capacity: 2 * connectionCount)
    namespace = NetworkNamespace.currentInode
    for record in found { Self.learn(record, &index, &containers) }
    self.steps = steps
    order = tellsOfConnections ? ConnectionOrder() : nil
  }

  /// What the programs are attached to.
  var via: String { steps.via }
  /// What the kernel does not let us see, in words.
  var missing: [String] { steps.missing }

  /// Takes what the kernel has told meanwhile.
  /// - Parameter offset: from CLOCK_MONOTONIC to the times of the packets that follow, in nanoseconds.
  mutating func read(offset: UInt64) {
    self.offset = offset
    readAt = Clock.monotonic
    steps.read { record in
      Self.learn(record, &index, &containers)
      if record.isNews || record.event == .aborted { order?.add(record) }
    }
  }

  mutating func owners(of packet: Packet, in frame: RawSpan, _ arrival: PacketArrival) -> PacketOwners? {
    PacketOwners(of: packet, in: frame, at: time(of: arrival), namespace: namespace, from: &index)
  }

  /// How long packets wait for what is told of their connections, in nanoseconds: longer than a connection in a local network
  /// takes to be accepted.
  static let patience: UInt64 = 10_000_000

  /// Up to when connections are told of.
  enum Moment {
    case packet(PacketArrival)
    /// When the last packets were read.
    case pause
    case end
  }

  /// Hands out, in the order of time, the news of connections of which packets have come.
  mutating func tell(
    until moment: Moment, _ body: (ConnectionRecord, _ offset: UInt64, _ container: [UInt8]) -> Void
  ) {
    let end: UInt64? =
      switch moment {
      case .packet(let arrival): time(of: arrival)
      case .pause: readAt - min(readAt, Self.patience)
      case .end: nil
      }
    order?.release(until: end) { record in
      guard index.hasSeen(record) else { return }
      body(record, offset, containers.identifier(ofCgroup: record.owner.cgroup))
    }
  }

  /// In nanoseconds of CLOCK_MONOTONIC.
  private func time(of arrival: PacketArrival) -> UInt64 { UInt64(bitPattern: arrival.nanoseconds) &- offset }

  private static func learn(
    _ record: ConnectionRecord, _ index: inout ConnectionIndex, _ containers: inout ContainerNames
  ) {
    index.learn(record, container: containers.identifier(ofCgroup: record.owner.cgroup))
  }

  func statistics() throws -> ConnectionStatistics { try steps.statistics() }

  /// What could not be known of connections, for lack of room; `nil` where nothing is missing.
  func shortfall() throws -> String? {
    let statistics = try statistics()
    guard statistics.isIncomplete || index.forgottenCount > 0 else { return nil }
    return "connections: \(statistics.line)"
      + (index.forgottenCount > 0 ? "; \(index.forgottenCount) open ones had to be forgotten" : "")
  }
}
