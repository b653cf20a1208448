import CaptureEvents
import FlowTable
import SeededRandom
import Testing

private let second: UInt64 = 1_000_000_000

@Suite struct FlowTableTests {
  @Test func readsWhatTheProgramCounted() throws {
    var bytes = FlowBytes()
    bytes.lowSide = FlowBytes.Side(
      packets: 3, bytes: 300, first: 5, last: 9, sequence: 77, acknowledged: 88, flags: 0x12, opened: false)
    bytes.highSide = FlowBytes.Side(
      packets: 4, bytes: 500, first: 4, last: 8, sequence: 99, acknowledged: 11, flags: 0xc2, opened: true)
    var table = FlowTable(start: 0)
    try table.read([bytes], at: second)
    let flow = try #require(table.flows.first)
    // `high` opened it, so it is a.
    #expect(flow.isInitiatorKnown)
    #expect((flow.a.packets, flow.a.bytes, flow.a.first, flow.a.last) == (4, 500, 4, 8))
    #expect((flow.a.sequence, flow.a.acknowledged) == (99, 11))
    #expect(flow.a.flags == [.syn, .ece, .cwr])
    #expect((flow.b.packets, flow.b.bytes, flow.b.sequence) == (3, 300, 77))
    #expect(flow.b.flags == [.syn, .ack])
    #expect((flow.packets, flow.bytes, flow.first, flow.last) == (7, 800, 4, 9))
    #expect((table.packets, table.bytes, table.activeCount) == (7, 800, 1))
  }

  /// Who opened it counts; else who was seen first; where both opened it (a simultaneous open), that too.
  @Test(arguments: [
    (true, false, 9, 3, true, true), (false, true, 3, 9, true, false), (false, false, 3, 9, false, true),
    (false, false, 9, 3, false, false), (true, true, 9, 3, false, false), (false, false, 0, 3, false, false),
    (false, false, 3, 0, false, true),
  ])
  func knowsTheInitiator(
    lowOpened: Bool, highOpened: Bool, lowFirst: UInt64, highFirst: UInt64, isKnown: Bool, isLow: Bool
  ) throws {
    var bytes = FlowBytes()
    bytes.lowSide = FlowBytes.Side(packets: 1, first: lowFirst, opened: lowOpened)
    bytes.highSide = FlowBytes.Side(packets: 2, first: highFirst, opened: highOpened)
    var table = FlowTable(start: 0)
    try table.read([bytes], at: second)
    let flow = try #require(table.flows.first)
    #expect(flow.isInitiatorKnown == isKnown)
    #expect(flow.a.packets == (isLow ? 1 : 2))
  }

  @Test func tellsWhatIsNewInEachInterval() throws {
    var table = FlowTable(start: 0)
    try table.read([.of(10, port: 1)], at: 2 * second)
    #expect((table.newPackets, table.newBytes, table.moment.seconds) == (10, 1000, 2))
    try table.read([.of(15, port: 1), .of(2, port: 2)], at: 3 * second)
    #expect((table.newPackets, table.newBytes, table.activeCount) == (7, 700, 2))
    try table.read([.of(15, port: 1), .of(2, port: 2)], at: 4 * second)
    #expect((table.newPackets, table.activeCount, table.packets) == (0, 0, 17))
    #expect(table.ports(by: .bytes, onlyActive: true).isEmpty)
    // Evicted and begun anew: less than before is all new.
    try table.read([.of(4, port: 1), .of(2, port: 2)], at: 5 * second)
    #expect(table.newPackets == 4)
    #expect(table.ports(by: .bytes, onlyActive: true) == [1])
  }

  /// While the map changes, a flow may come twice.
  @Test func countsAFlowOnce() throws {
    var table = FlowTable(start: 0)
    try table.read([.of(10, port: 1), .of(11, port: 1)], at: second)
    #expect(table.flows.count == 1)
    try table.read([.of(20, port: 1), .of(21, port: 1)], at: 2 * second)
    #expect((table.flows.count, table.newPackets) == (1, 10))
  }

  /// The same as a dictionary that is made anew each time.
  @Test func followsTheMapHoweverItChanges() throws {
    var generator = SeededGenerator(seed: 5)
    var table = FlowTable(start: 0)
    var map: [UInt16: UInt64] = [:]
    for round in 1...200 {
      for _ in 0..<20 {
        let port = UInt16.random(in: 0..<60, using: &generator)
        if Bool.random(using: &generator) { map[port] = nil } else { map[port, default: 0] += 1 }
      }
      try table.read(map.shuffled(using: &generator).map { .of($1, port: $0) }, at: UInt64(round) * second)
      #expect(table.flows.count == map.count)
      #expect(table.packets == map.values.reduce(0, +))
      let expected = map.sorted { ($0.value, $1.key) > ($1.value, $0.key) }.map(\.key)
      #expect(table.ports(by: .packets) == expected)
    }
  }

  @Test func sorts() throws {
    var table = FlowTable(start: 0)
    try table.read([.of(10, port: 1, first: 5, last: 9), .of(1, port: 2, first: 1, last: 20)], at: second)
    try table.read(
      [
        .of(11, port: 1, first: 5, last: 9), .of(6, port: 2, first: 1, last: 20), .of(3, port: 3, first: 7, last: 30),
      ], at: 2 * second)
    #expect(table.ports(by: .rate) == [2, 3, 1])
    #expect(table.ports(by: .bytes) == [1, 2, 3])
    #expect(table.ports(by: .packets, isReversed: true) == [3, 2, 1])
    #expect(table.ports(by: .last) == [3, 2, 1])
    #expect(table.ports(by: .age) == [2, 1, 3])
    #expect(table.ports(by: .bytes, skipping: 1, limit: 1) == [2])
    #expect(table.ports(by: .bytes, skipping: 5, limit: 1) == [])
  }

  /// Each prefix of a key and a value, and any bytes at all: an error or a flow, never a trap.
  @Test func takesAnyBytes() throws {
    let whole = FlowBytes.of(1, port: 1)
    var table = FlowTable(start: 0)
    table.begin(at: 1, sinceEpoch: 0)
    let (key, value) = (whole.key, whole.value)
    for count in 0..<43 {
      #expect(throws: (any Error).self) {
        try unsafe table.add(key.span.bytes.extracting(first: count), value.span.bytes)
      }
    }
    for count in 0..<105 {
      #expect(throws: (any Error).self) {
        try unsafe table.add(key.span.bytes, value.span.bytes.extracting(first: count))
      }
    }
    #expect(table.flows.isEmpty)
    var generator = SeededGenerator(seed: 9)
    for _ in 0..<500 {
      let key = (0..<48).map { _ in UInt8.random(in: 0...255, using: &generator) }
      let value = (0..<112).map { _ in UInt8.random(in: 0...255, using: &generator) }
      try unsafe table.add(key.span.bytes, value.span.bytes)
    }
    table.end()
    let moment = table.moment
    for width in [1, 20, 80, 120, 300] {
      let columns = FlowColumns(
        width: width, showsInterface: true, sample: 1 << 40, isUnicode: true, interfaceName: { "if\($0)" })
      table.forEach(by: .rate) { flow in
        var out = OutputBuffer()
        columns.write(flow, in: moment, into: &out)
        FlowJSON(sample: 1 << 40) { "if\($0)" }.write(flow, in: moment, into: &out)
        #expect(out.count > 0)
      }
    }
  }
}
