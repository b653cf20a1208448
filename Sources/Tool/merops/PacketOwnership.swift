import CaptureEvents
import ConnectionEvents
import ConnectionSession
import LinuxCalls

/// `--process`: whose the packets are, from the connections of this machine.
struct PacketOwnership: ~Copyable {
  private var steps: ConnectionSteps
  private var index: ConnectionIndex
  private var clock = WallClock()
  private var containers = ContainerNames()
  /// The network namespace's, in which packets are seen.
  private let namespace: UInt32

  /// Begins to follow connections. Their tables have room for so many.
  init(connectionCount: Int) throws {
    var options = ConnectionOptions()
    options.tableCount = connectionCount
    let steps = try ConnectionSteps(options)
    let found = try steps.found()
    // Those that are closed are remembered for a while.
    index = ConnectionIndex(capacity: 2 * connectionCount)
    namespace = inode(ofFile: "/proc/thread-self/ns/net").flatMap { UInt32(exactly: $0) } ?? 0
    for record in found { Self.learn(record, &index, &containers) }
    self.steps = steps
  }

  /// What the kernel does not let us see, in words.
  var missing: [String] { steps.missing }

  /// Takes what the kernel has told meanwhile.
  mutating func read() {
    clock.look()
    steps.read { record in Self.learn(record, &index, &containers) }
  }

  func owners(of packet: Packet, in frame: RawSpan, _ arrival: PacketArrival) -> PacketOwners? {
    PacketOwners(
      of: packet, in: frame, at: UInt64(bitPattern: arrival.nanoseconds) &- clock.offset, namespace: namespace,
      from: index)
  }

  private static func learn(
    _ record: ConnectionRecord, _ index: inout ConnectionIndex, _ containers: inout ContainerNames
  ) {
    index.learn(record, container: containers.identifier(ofCgroup: record.owner.cgroup))
  }

  func statistics() throws -> ConnectionStatistics { try steps.statistics() }
}
