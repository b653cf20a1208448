import CaptureEvents
import ConnectionEvents
import SeededRandom
import Testing

/// What the programs tell of an end at 192.0.2.1:40000, or what it tells packets from 192.0.2.2:443.
private func record(
  _ event: ConnectionRecord.Event, socket: UInt64 = 1, at time: UInt64, opened: UInt64? = nil,
  owner: ConnectionOwner.Source = .connected, process: UInt32 = 4711, namespace: UInt32 = 10, localPort: UInt16 = 40000
) throws -> ConnectionRecord {
  var record = try RecordBytes(socket: socket, time: time).record
  record.event = event
  record.opened = opened
  record.owner.source = owner
  record.owner.process = process
  record.namespace = namespace
  record.local.port = localPort
  return record
}

private let second: UInt64 = 1_000_000_000

extension ConnectionIndex {
  fileprivate mutating func learn(_ record: ConnectionRecord) { learn(record, container: []) }

  fileprivate mutating func end(
    at time: UInt64, in namespace: UInt32 = 10, localPort: UInt16 = 40000, begins: Bool = false
  ) -> ConnectionEnd? {
    end(
      local: SocketAddress(high: 0, low: 0xffff_c000_0201, port: localPort),
      remote: SocketAddress(high: 0, low: 0xffff_c000_0202, port: 443), at: time, in: namespace, begins: begins)
  }
}

@Suite struct ConnectionIndexTests {
  @Test func packetsAreThoseOfTheEndThatIsThere() throws {
    var index = ConnectionIndex(capacity: 10)
    let before = index.end(at: second)
    #expect(before == nil)
    index.learn(try record(.begun, at: second, opened: second))
    let syn = index.end(at: second + 10_000, begins: true)
    #expect(syn?.owner.process == 4711 && syn?.owner.source == .connected)
    index.learn(try record(.closed, at: 2 * second, opened: second))
    // The last segments come behind the end, and a SYN is none of them.
    let (last, next, late) = (
      index.end(at: 2 * second + 10), index.end(at: 2 * second + 10, begins: true), index.end(at: 63 * second)
    )
    #expect(last != nil && next == nil && late == nil)
  }

  @Test func ownersBecomeKnownAndAreNotTakenBack() throws {
    var index = ConnectionIndex(capacity: 10)
    index.learn(try record(.opened, at: second, opened: second, owner: .listened, process: 1))
    index.learn(try record(.accepted, at: second + 10, opened: second, owner: .accepted, process: 2))
    // Of another processor, read later.
    index.learn(try record(.opened, at: second, opened: second, owner: .listened, process: 1))
    var end = index.end(at: second + 5)
    #expect(end?.owner.process == 2 && end?.owner.source == .accepted)
    index.learn(try record(.closed, at: 2 * second, owner: .recorded))
    end = index.end(at: second + 5)
    #expect(end?.owner.process == 2)
  }

  @Test func addressesThatAreUsedAgainAreTwoConnections() throws {
    var index = ConnectionIndex(capacity: 10)
    index.learn(try record(.begun, socket: 1, at: second, opened: second, process: 1))
    index.learn(try record(.closed, socket: 1, at: second + 100_000, opened: second, process: 1))
    let again = second + 10_000_000
    index.learn(try record(.begun, socket: 1, at: again, opened: again, process: 2))
    let (old, new) = (index.end(at: second + 50_000), index.end(at: again + 5, begins: true))
    #expect(old?.owner.process == 1 && new?.owner.process == 2)
    // Its end was not heard of: it cannot be there any more.
    index.learn(try record(.begun, socket: 3, at: again + 100, opened: again + 100, process: 3))
    let last = index.end(at: again + 200)
    #expect(last?.owner.process == 3)
  }

  @Test func otherNamespacesCountWhereThatIsPlain() throws {
    var index = ConnectionIndex(capacity: 10)
    index.learn(try record(.begun, socket: 1, at: second, opened: second, process: 1, namespace: 20))
    let through = index.end(at: second + 5)
    #expect(through?.owner.process == 1)
    index.learn(try record(.begun, socket: 2, at: second, opened: second, process: 2, namespace: 30))
    let either = index.end(at: second + 5)
    #expect(either == nil)
    index.learn(try record(.begun, socket: 3, at: second, opened: second, process: 3, namespace: 10))
    let (here, there) = (index.end(at: second + 5), index.end(at: second + 5, in: 30))
    #expect(here?.owner.process == 3 && there?.owner.process == 2)
    // Every namespace has a loopback interface of its own.
    var record = try record(.begun, socket: 4, at: second, opened: second, namespace: 20)
    (record.local, record.remote) = (
      SocketAddress(high: 0, low: 1, port: 1), SocketAddress(high: 0, low: 1, port: 2)
    )
    index.learn(record)
    for (namespace, isKnown) in [(20, true), (10, false)] as [(UInt32, Bool)] {
      let end = index.end(local: record.local, remote: record.remote, at: second + 5, in: namespace, begins: true)
      #expect((end != nil) == isKnown)
    }
  }

  @Test func memoryIsBounded() throws {
    var index = ConnectionIndex(capacity: 100)
    var random = SeededGenerator(seed: 11)
    for step in 0..<20_000 {
      let time = second + UInt64(step)
      let port = UInt16.random(in: 1...400, using: &random)
      let event: ConnectionRecord.Event = [.begun, .opened, .accepted, .found, .closed, .closed, .refused]
        .randomElement(
          using: &random)!
      index.learn(
        try record(
          event, socket: .random(in: 1...50, using: &random), at: time, opened: time,
          namespace: .random(in: 1...3, using: &random), localPort: port))
      let (count, _) = (index.count, index.end(at: time, localPort: port))
      #expect(count <= 100)
    }
    // The longest closed makes room first.
    var other = ConnectionIndex(capacity: 3)
    for port in 1...3 as ClosedRange<UInt16> { other.learn(try record(.begun, at: second, localPort: port)) }
    other.learn(try record(.closed, at: 2 * second, localPort: 2))
    other.learn(try record(.begun, at: 3 * second, localPort: 4))
    for (port, isKnown) in [(1, true), (2, false), (3, true), (4, true)] as [(UInt16, Bool)] {
      let end = other.end(at: 3 * second, localPort: port)
      #expect((end != nil) == isKnown)
    }
    let forgotten = other.forgottenCount
    #expect(forgotten == 0)
  }

  /// The same addresses and ports over and over leave nothing behind.
  @Test func nothingPilesUp() throws {
    var index = ConnectionIndex(capacity: 50)
    for step in 0..<5000 as Range<UInt64> {
      index.learn(try record(.begun, socket: step, at: second + 2 * step, opened: second + 2 * step))
      index.learn(try record(.closed, socket: step, at: second + 2 * step + 1))
    }
    let (count, pending) = (index.count, index.closedCount)
    #expect(count <= 1 && pending <= 101)
  }

  @Test func ownersAreWrittenInEveryFormat() throws {
    var index = ConnectionIndex(capacity: 10)
    var mine = try record(.begun, at: second, opened: second)
    mine.cookie = 17
    index.learn(mine, container: Array("0a1b".utf8))
    var other = try record(.accepted, socket: 2, at: second, opened: second, owner: .listened, process: 801)
    (other.local, other.remote) = (mine.remote, mine.local)
    index.learn(other)
    // Ethernet, IPv4, TCP: from port 40000 to port 443, ACK.
    var frame = [UInt8](repeating: 0, count: 54)
    frame.replaceSubrange(12..<16, with: [8, 0, 0x45, 0])
    frame.replaceSubrange(16..<18, with: [0, 40])
    frame[23] = 6
    frame.replaceSubrange(26..<38, with: [192, 0, 2, 1, 192, 0, 2, 2, 0x9c, 0x40, 1, 0xbb])
    frame.replaceSubrange(46..<48, with: [0x50, 0x10])
    func written(_ write: (PacketOwners, inout OutputBuffer) -> Void) throws -> String {
      let packet = unsafe Packet(frame: frame.span.bytes, wireLength: 54)
      let owners = unsafe PacketOwners(
        of: packet, in: frame.span.bytes, at: second + 5, namespace: 10, from: &index)
      var out = OutputBuffer()
      write(try #require(owners), &out)
      return out.withBytes { unsafe $0.withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) } }
    }
    #expect(try written { $0.writeText(into: &$1) } == ", by curl.4711 #17, for [curl].801")
    #expect(
      try written { $0.writeComment(into: &$1) }
        == "sent by curl, pid 4711 (connected), socket 17, container 0a1b; received by curl, pid 801 (listened)")
    #expect(
      try written { $0.writeHeaders(into: &$1) }
        == "Sender: curl, pid 4711 (connected), socket 17, container 0a1b\nReceiver: curl, pid 801 (listened)\n")
    #expect(
      try written { $0.writeJSONMembers(into: &$1) }
        == #","sender":{"netns":10,"socket_cookie":17,"owner":"connected","pid":4711,"uid":1000,"comm":"curl","cgroup":null,"container":"0a1b"}"#
        + #","receiver":{"netns":10,"socket_cookie":null,"owner":"listened","pid":801,"uid":1000,"comm":"curl","cgroup":null,"container":null}"#
    )
    // What is no TCP has no owner, and neither has what was cut off before the ports.
    for count in 0..<38 {
      let packet = unsafe Packet(frame: frame.span.bytes.extracting(first: count), wireLength: 54)
      let owners = unsafe PacketOwners(
        of: packet, in: frame.span.bytes.extracting(first: count), at: second + 5, namespace: 10, from: &index)
      #expect(owners == nil)
    }
  }

  @Test func newsAreLines() throws {
    func line(_ record: ConnectionRecord) -> String {
      var out = OutputBuffer()
      record.writeLine(into: &out)
      return out.withBytes { unsafe $0.withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) } }
    }
    var record = try RecordBytes().record
    #expect(
      line(record)
        == "TCP 192.0.2.1:40000 > 192.0.2.2:443 over: closed, lasted 2.000s, sent 12.0K, received 999, by curl.4711")
    record.event = .opened
    #expect(line(record) == "TCP 192.0.2.1:40000 > 192.0.2.2:443 opened after 87us, by curl.4711")
  }
}
