import CaptureEvents
import FlowTable
import Foundation
import Testing

private let second: UInt64 = 1_000_000_000

@Suite struct FlowTextTests {
  private func columns(
    width: Int?, sample: UInt64 = 1, isUnicode: Bool = false, showsInterface: Bool = false
  ) -> FlowColumns {
    FlowColumns(
      width: width, flowWidth: 40, showsInterface: showsInterface, sample: sample, isUnicode: isUnicode,
      interfaceName: { "eth\($0)" })
  }

  private func name(_ bytes: FlowBytes, within room: Int = .max, isUnicode: Bool = false) throws -> String {
    var table = FlowTable(start: 0)
    try table.read([bytes], at: second)
    var out = OutputBuffer()
    let width = columns(width: nil, isUnicode: isUnicode).writeName(table.flows[0], within: room, into: &out)
    #expect(out.text.count == width)
    return out.text
  }

  private static let long6: [UInt8] = [0x20, 1, 0xd, 0xb8] + (1...12).map { $0 * 16 }

  @Test func namesFlows() throws {
    var flow = FlowBytes.of(1, port: 40000)
    #expect(try name(flow) == "192.0.2.1:40000 - 192.0.2.2:80")
    flow.lowSide.opened = true
    #expect(try name(flow) == "192.0.2.1:40000 > 192.0.2.2:80")
    (flow.lowSide, flow.highSide) = (flow.highSide, flow.lowSide)
    #expect(try name(flow) == "192.0.2.2:80 > 192.0.2.1:40000")
    flow.kind = 2
    flow.highSide.opened = false
    #expect(try name(flow) == "192.0.2.2 - 192.0.2.1 (later fragments)")
    flow.kind = 1
    #expect(try name(flow) == "192.0.2.2 - 192.0.2.1 (cut)")
    flow.number = 47
    #expect(try name(flow) == "192.0.2.2 - 192.0.2.1")
    (flow.number, flow.kind, flow.ports) = (1, 3, (7, 7))
    #expect(try name(flow) == "192.0.2.2 - 192.0.2.1 echo 7")
    (flow.kind, flow.ports) = (4, (0x0301, 0x0301))
    #expect(try name(flow) == "192.0.2.2 - 192.0.2.1 type 3 code 1")
    flow = .of(1, port: 5)
    (flow.low, flow.high) = (Self.long6, [0x20, 1, 0xd, 0xb8] + [UInt8](repeating: 0, count: 11) + [1])
    #expect(try name(flow) == "[2001:db8:1020:3040:5060:7080:90a0:b0c0]:5 - [2001:db8::1]:80")
  }

  /// Whatever the room, the width is what it says, and both ports are there.
  @Test func shortensAddressesToFit() throws {
    var flow = FlowBytes.of(1, port: 40000)
    (flow.low, flow.high) = (Self.long6, Self.long6)
    #expect(try name(flow, within: 43) == "[2001:d*0:b0c0]:40000 - [2001:d*a0:b0c0]:80")
    #expect(try name(flow, within: 43, isUnicode: true) == "[2001:d…0:b0c0]:40000 - [2001:d…a0:b0c0]:80")
    for room in 20..<100 {
      let text = try name(flow, within: room, isUnicode: true)
      #expect(text.count <= room)
      #expect(text.contains("]:40000 - ") && text.hasSuffix("]:80"))
    }
  }

  @Test(arguments: [40, 60, 80, 100, 110, 120, 200])
  func aLineIsNoWiderThanTheTerminal(width: Int) throws {
    var flow = FlowBytes.of(123_456_789_012, port: 65535)
    (flow.low, flow.high) = ([255, 255, 255, 255], [255, 255, 255, 254])
    flow.ports.1 = 65535
    flow.lowSide.flags = 0xff
    var table = FlowTable(start: 0)
    try table.read([flow], at: second)
    for (sample, showsInterface) in [(UInt64(1), false), (1000, true)] {
      let columns = columns(width: width, sample: sample, isUnicode: true, showsInterface: showsInterface)
      var (titles, line) = ("", "")
      var out = OutputBuffer()
      columns.writeTitles(sort: .bytes, isReversed: false, into: &out)
      titles = out.text
      out.removeAll()
      columns.write(table.flows[0], in: table.moment, into: &out)
      line = out.text
      #expect(line.count <= max(width, 60), "\(line)")
      #expect(titles.count <= max(width, 60), "\(titles)")
      #expect(line.contains("~") == (sample > 1))
    }
  }

  @Test func writesABlock() throws {
    var flow = FlowBytes.of(12_345, port: 40000, first: second, last: 3 * second)
    (flow.lowSide.opened, flow.lowSide.flags) = (true, 0x02)
    flow.highSide = FlowBytes.Side(packets: 3, bytes: 300, first: 2 * second, last: 2 * second, flags: 0x12)
    var ping = FlowBytes.of(1, port: 9, first: 2 * second, last: 2 * second)
    (ping.number, ping.kind, ping.ports.1) = (1, 3, 9)
    var table = FlowTable(start: 0)
    try table.read([flow, ping], at: 4 * second)
    let totals = FlowTotals(capacity: 100, evicted: 2, lost: 1, seconds: 4)
    var out = OutputBuffer()
    FlowBlock(FlowBlock.Options()) { "eth\($0)" }.write(&table, totals, time: "12:00:00", into: &out)
    #expect(
      out.text == """
        12:00:00 2 flows (evicted 2), 12.3k packets (lost 1), 1.23MB, 308kB/s, room for 100 flows
        FLOW                           PROTO  PKTS>  <PKTS BYTES>v <BYTESv FLAGS     AGE  LAST    B/s
        192.0.2.1:40000 > 192.0.2.2:80 tcp    12.3k      3   1.23M     300 S.       3.0s  1.0s   308k
        192.0.2.1 - 192.0.2.2 echo 9   icmp       1      0     100       0          2.0s  2.0s     25

        """)
    out.removeAll()
    var options = FlowBlock.Options()
    (options.top, options.sample, options.sort) = (1, 10, .packets)
    FlowBlock(options) { "eth\($0)" }.write(&table, totals, time: "12:00:00", into: &out)
    #expect(out.text.contains("1 packet in 10 counted, numbers with ~ are estimates"))
    #expect(out.text.contains("~123k    ~30  ~12.3M   ~3000"))
    #expect(out.text.split(separator: "\n").count == 3)
  }

  @Test func writesJSON() throws {
    var flow = FlowBytes.of(12, port: 40000, first: second, last: 3 * second)
    (flow.lowSide.opened, flow.lowSide.flags, flow.lowSide.sequence) = (true, 0x02, 4_000_000_000)
    var table = FlowTable(start: 0)
    try table.read([flow], at: 4 * second)
    func object(sample: UInt64) throws -> [String: Any] {
      var out = OutputBuffer()
      FlowJSON(sample: sample) { "a\"b\\\($0)\n" }.write(table.flows[0], in: table.moment, into: &out)
      #expect(out.text.hasSuffix("}\n"))
      return try #require(try JSONSerialization.jsonObject(with: Data(out.text.utf8)) as? [String: Any])
    }
    let plain = try object(sample: 1)
    #expect(plain["time_epoch"] as? String == "1700000004.000000000")
    #expect(plain["interface_name"] as? String == "a\"b\\2\n")
    #expect(plain["ip.version"] as? Int == 4)
    #expect(plain["ip.proto"] as? Int == 6)
    #expect(plain["protocol"] as? String == "tcp")
    #expect(plain["initiator"] as? String == "syn")
    #expect(plain["a.addr"] as? String == "192.0.2.1")
    #expect(plain["a.port"] as? Int == 40000)
    #expect(plain["a.packets"] as? Int == 12)
    #expect(plain["a.bytes"] as? Int == 1200)
    #expect(plain["a.first_epoch"] as? String == "1700000001.000000000")
    #expect(plain["a.last_epoch"] as? String == "1700000003.000000000")
    #expect(plain["a.tcp.flags"] as? String == "0x0002")
    #expect(plain["a.tcp.seq"] as? Int == 4_000_000_000)
    #expect(plain["b.addr"] as? String == "192.0.2.2")
    #expect(plain["b.port"] as? Int == 80)
    #expect(plain["b.packets"] as? Int == 0)
    #expect(plain["b.first_epoch"] == nil)
    #expect(plain["interval_seconds"] as? Double == 4)
    #expect(plain["packets_per_second"] as? Int == 3)
    #expect(plain["bytes_per_second"] as? Int == 300)
    #expect(plain["sampled"] == nil)
    let sampled = try object(sample: 100)
    #expect(sampled["sampled"] as? Int == 100)
    #expect(sampled["a.packets"] as? Int == 12)
    #expect(sampled["estimated_packets"] as? Int == 1200)
    #expect(sampled["estimated_bytes"] as? Int == 120_000)
    #expect(sampled["estimated_bytes_per_second"] as? Int == 30_000)
    #expect(sampled["bytes_per_second"] == nil)
  }
}

@Suite struct FlowScreenTests {
  private struct Screen {
    var text = ""
    var lines: [String] { text.replacing(/\u{1b}\[[0-9;?]*[a-zA-Z]/, with: "").components(separatedBy: "\r\n") }
  }

  private func draw(
    _ screen: inout FlowScreen, _ table: inout FlowTable, columns: Int = 80, rows: Int = 10, news: String? = nil
  ) -> Screen {
    var out = OutputBuffer()
    screen.draw(
      &table, FlowTotals(capacity: 64, evicted: 0, lost: 0, seconds: 61),
      FlowColumns(width: columns, showsInterface: false, sample: 1, isUnicode: false, interfaceName: { "\($0)" }),
      FlowScreen.Size(columns: columns, rows: rows), news: news, into: &out)
    return Screen(text: out.text)
  }

  private func press(_ key: FlowKeyPress, _ screen: inout FlowScreen) -> Bool { screen.press(key) }

  @Test func showsWhatThereIsRoomFor() throws {
    var table = FlowTable(start: 0)
    var screen = FlowScreen(title: "merops flows  eth0\u{1b}[2J", sort: .rate)
    #expect(draw(&screen, &table).lines.contains { $0.contains("no packets yet") })
    try table.read((1...20).map { .of($0, port: UInt16($0)) }, at: second)
    func ports() -> [Int] {
      draw(&screen, &table).lines.compactMap { line in line.firstMatch(of: /1:(\d+) -/).flatMap { Int($0.1) } }
    }
    let first = draw(&screen, &table)
    #expect(first.lines.allSatisfy { $0.count <= 80 })
    // A title from elsewhere does not reach the terminal as it is.
    #expect(!first.text.contains("eth0\u{1b}"))
    #expect(first.lines[0].hasSuffix("1m01s"))
    #expect(first.lines[1].hasPrefix("20 flows (evicted 0), 210 packets (lost 0), 21.0kB, 21.0kB/s, "))
    #expect(first.lines[2].contains("B/sv"))
    #expect(first.lines.last?.hasSuffix("q quit") == true)
    #expect(ports() == [20, 19, 18, 17, 16, 15])
    #expect(press(.down, &screen))
    #expect(ports() == [19, 18, 17, 16, 15, 14])
    #expect(press(.pageDown, &screen))
    #expect(ports() == [13, 12, 11, 10, 9, 8])
    for _ in 0..<5 { #expect(press(.pageDown, &screen)) }
    #expect(ports() == [6, 5, 4, 3, 2, 1])
    #expect(press(.reverse, &screen))
    #expect(ports() == [1, 2, 3, 4, 5, 6])
    #expect(press(.up, &screen))
    #expect(ports() == [1, 2, 3, 4, 5, 6])
    #expect(press(.sort(.packets), &screen))
    #expect(draw(&screen, &table).lines[2].contains("PKTS^"))
    #expect(draw(&screen, &table, news: "eth0 is down").lines.last?.hasSuffix("eth0 is down") == true)
    #expect(!press(.quit, &screen))
  }

  @Test(arguments: [(0, 0), (1, 1), (10, 3), (500, 200)])
  func takesAnySize(columns: Int, rows: Int) throws {
    var table = FlowTable(start: 0)
    try table.read((1...20).map { .of($0, port: UInt16($0)) }, at: second)
    var screen = FlowScreen(title: "merops", sort: .rate, top: 3)
    for key in [FlowKeyPress.pageDown, .pageUp, .down, .first] {
      let goesOn = screen.press(key)
      #expect(goesOn)
      let lines = draw(&screen, &table, columns: columns, rows: rows).lines
      #expect(lines.count(where: { $0.contains(" - ") || $0.contains("*") }) <= 3)
    }
  }

  @Test func readsKeys() {
    var reader = FlowKeyReader()
    #expect(
      reader.read("rbptaoq ".utf8) == [
        .sort(.rate), .sort(.bytes), .sort(.packets), .sort(.last), .sort(.age), .reverse, .quit, .pageDown,
      ])
    #expect(reader.read("\u{1b}[A\u{1b}OB\u{1b}[5~\u{1b}[6~\u{1b}[H".utf8) == [.up, .down, .pageUp, .pageDown, .first])
    // In pieces, with a modifier, and what means nothing.
    #expect(reader.read([0x1b]) == [])
    #expect(reader.read(Array("[".utf8)) == [])
    #expect(reader.read(Array("1;5A".utf8)) == [.up])
    #expect(reader.read("\u{1b}[24~z\u{1b}x\u{1b}[999999999999999q".utf8) == [.quit])
  }
}
