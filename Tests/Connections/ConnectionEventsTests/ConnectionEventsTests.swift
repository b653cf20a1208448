import BPFObjectFile
import CaptureEvents
import ConnectionEvents
import ConnectionProgram
import Foundation
import SeededRandom
import Testing

private func text(
  _ record: ConnectionRecord, width: Int?, _ content: ConnectionText.Content = .ends, container: [UInt8] = []
) -> [String] {
  var printer = ConnectionText(content, width: width, secondsFromUTC: 0, began: 0)
  var out = OutputBuffer()
  printer.writeTitle(into: &out)
  printer.write(record, realtime: 1_700_000_000_123_456_789, container: container, into: &out)
  return out.withBytes { unsafe $0.withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) } }
    .split(separator: "\n").map(String.init)
}

private func json(_ record: ConnectionRecord) throws -> [String: Any] {
  var out = OutputBuffer()
  ConnectionJSON().write(record, offset: 5, container: [], into: &out)
  let bytes = out.withBytes { unsafe $0.withUnsafeBytes { unsafe Array($0) } }
  return try #require(try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
}

@Suite struct ConnectionEventsTests {
  @Test func columnsFitTheTerminal() throws {
    let record = try RecordBytes().record
    for width in 80...240 {
      for line in text(record, width: width) { #expect(line.utf8.count <= width, "\(width): \(line)") }
    }
    #expect(
      text(record, width: 80)[1] == "   4711 curl       40000 > 192.0.2.2:443           2.000s 12.0K   999 closed"
    )
    #expect(text(record, width: nil)[1].hasPrefix("22:13:20.123456    4711 curl             1000 192.0.2.1:40000"))
    #expect(text(record, width: nil)[1].contains("87us"))
  }

  @Test func requestsHaveTheirQueue() throws {
    var bytes = RecordBytes(flags: 2)
    bytes.bytes[158] = 4
    bytes.bytes[88] = 4
    for (offset, number) in [(164, 3), (168, 128), (172, 17)] { bytes.set(offset, UInt32(number)) }
    let lines = text(try bytes.record, width: 80, .requests)
    #expect(lines[0].hasSuffix("REMOTE                QUEUE"))
    #expect(lines[1] == "   4711 [curl]     40000 < 192.0.2.2:443         3/128 + 17 half-open")
  }

  @Test(arguments: [
    (5, 0, 1, "closed"), (9, 0, 2, "peer closed"), (11, 0, 1, "closed"), (1, 0, 129, "reset"), (8, 0, 129, "reset"),
    (1, 104, 9, "peer reset"), (8, 32, 9, "peer reset"), (4, 104, 13, "reset"), (2, 111, 9, "refused"),
    (2, 110, 1, "no answer"), (2, 0, 129, "given up"), (2, 0, 1, "no answer"), (2, 0, 9, "refused"),
    (1, 0, 1, "timed out"), (1, 110, 5, "timed out"), (1, 113, 1, "host unreachable"),
    (1, 103, 5, "aborted"), (1, 9999, 1, "error 9999"), (200, 0, 129, "reset"),
  ]) func theEndHasAName(state: UInt8, error: UInt32, flags: UInt16, words: String) throws {
    let record = try RecordBytes(state: state, error: error, flags: flags).record
    #expect(text(record, width: 80)[1].hasSuffix(" \(words)"))
  }

  @Test(arguments: [
    (0, "0us"), (999, "0us"), (999_999, "999us"), (1_000_000, "1.000ms"), (999_999_999, "999.9ms"),
    (12_345_000, "12.34ms"),
    (99_999_999_999, "99.99s"), (100_000_000_000, "1m40s"), (5_999_000_000_000, "99m59s"),
    (6_000_000_000_000, "1h40m"), (360_000_000_000_000, "4d04h"), (UInt64.max - 2_000_000_000, "213503d23h"),
  ]) func durationsAreShort(nanoseconds: UInt64, words: String) throws {
    let record = try RecordBytes(time: 1_000_000_000 + nanoseconds).record
    #expect(text(record, width: 80)[1].contains(" \(words) "), "\(text(record, width: 80)[1])")
  }

  @Test(arguments: [
    (9999, "9999"), (10_000, "9.7K"), (102_399, "99.9K"), (102_400, "100K"), (1_048_575, "1023K"), (1_048_576, "1.0M"),
    (UInt64.max, "15.9E"),
  ]) func byteCountsAreShort(count: UInt64, words: String) throws {
    var bytes = RecordBytes()
    bytes.set(40, count)
    let line = text(try bytes.record, width: 80)[1]
    #expect(line.contains(" \(words)   999 "), "\(line)")
  }

  /// A guess does not look like knowledge.
  @Test(arguments: [
    (1, "4711 curl "), (2, "4711 curl "), (3, "4711 [curl]"), (4, "4711 [curl]"), (5, "4711 curl?"), (6, "- uid 1000"),
    (0, "- - "), (77, "- - "),
  ]) func theOwnersSourceShows(source: UInt8, words: String) throws {
    var bytes = RecordBytes()
    bytes.bytes[88] = source
    let line = text(try bytes.record, width: 80)[1]
    #expect(line.contains(words))
    let object = try json(try bytes.record)
    #expect((object["pid"] is NSNull) == !(1...5).contains(source))
    #expect((object["comm"] as? String == "curl") == (1...5).contains(source))
    #expect((object["uid"] is NSNull) == !(1...6).contains(source))
  }

  @Test func jsonHasTheNumbers() throws {
    let object = try json(RecordBytes().record)
    #expect(object["local"] as? String == "192.0.2.1" && object["remote_port"] as? Int == 443)
    #expect(object["duration"] as? Double == 2 && object["handshake"] as? Double == 0.000087)
    #expect(object["time"] as? Double == 3.000000005 && object["rtt"] as? Double == 0.0015)
    #expect(object["end"] as? String == "fin" && object["ended_by"] as? String == "local")
    #expect(object["socket_cookie"] is NSNull && object["container"] is NSNull && object["errno"] is NSNull)
  }

  @Test func whatBeganBeforeIsMarked() throws {
    var bytes = RecordBytes(flags: 1 << 5)
    bytes.set(8, UInt64(0))
    bytes.set(16, UInt64(0))
    let record = try bytes.record
    #expect(text(record, width: 80)[1].contains("40000 - 192.0.2.2:443          >3.000s"))
    let object = try json(record)
    #expect(object["began_before"] as? Bool == true && object["duration"] is NSNull && object["opened"] is NSNull)
  }

  @Test func recordsComeOutInOrderAndJoined() throws {
    var order = ConnectionOrder()
    order.add(try RecordBytes(socket: 7, time: 10_000_000, state: 5, error: 104, flags: 9).record)
    order.add(try RecordBytes(socket: 8, time: 9_000_000).record)
    var aborted = RecordBytes(socket: 7, time: 10_000_100)
    aborted.bytes[158] = 3
    var told: [(UInt64, Bool)] = []
    order.release(until: 9_500_000) { told.append(($0.socket, $0.flags.contains(.resetSent))) }
    // The first is old enough, the second may yet be joined by more.
    #expect(told.map(\.0) == [8])
    order.add(try aborted.record)
    order.release(until: 10_100_000) { told.append(($0.socket, $0.flags.contains(.resetSent))) }
    #expect(told.map(\.0) == [8, 7] && told[1].1)
    let isEmpty = order.isEmpty
    #expect(isEmpty)
  }

  @Test func halfOpenConnectionsWaitTwiceAsLongEachTime() throws {
    var value = [UInt8](repeating: 0, count: ConnectionProgram.halfOpenByteCount)
    value[8] = 100
    for (timeouts, seconds) in [(0, 2), (1, 4), (4, 32), (5, 64), (6, 120), (255, 120)] {
      value[61] = UInt8(timeouts)
      let key = [UInt8](repeating: 1, count: ConnectionProgram.halfOpenKeyByteCount)
      let halfOpen = try #require(HalfOpen(key: key, value: value))
      #expect(halfOpen.end == 100 + UInt64(seconds) * 1_000_000_000)
      let event = try halfOpen.record().event
      #expect(event == .halfOpen)
    }
    #expect(HalfOpen(key: [], value: value) == nil)
  }

  @Test(arguments: [
    ("/system.slice/docker-\(String(repeating: "a1", count: 32)).scope", true),
    ("/kubepods/burstable/pod1234/\(String(repeating: "0f", count: 32))", true),
    ("/user.slice/user-1000.slice", false), ("/\(String(repeating: "a", count: 65))", false), ("", false),
  ]) func containersAreFoundInPaths(path: String, isThere: Bool) {
    #expect(ContainerIdentifier.find(inCgroup: path)?.count == (isThere ? 64 : nil))
  }

  @Test func bothSidesAgree() throws {
    let spec = try ObjectSpec(name: "connections.bpf.o", bytes: connectionsObject())
    func map(_ name: String) throws -> MapSpec { try #require(spec.mapIndex(name).map { spec.maps[$0] }) }
    let (counters, halfOpen) = (try map(ConnectionProgram.counters), try map(ConnectionProgram.halfOpen))
    #expect(counters.valueSize == UInt32(8 * ConnectionProgram.counterCount))
    #expect(halfOpen.keySize == UInt32(ConnectionProgram.halfOpenKeyByteCount))
    #expect(halfOpen.valueSize == UInt32(ConnectionProgram.halfOpenByteCount))
    #expect(ConnectionRecord.byteCount == ConnectionProgram.recordByteCount)
    for list in ConnectionProgram.List.allCases {
      #expect(spec.variables.contains { $0.name == list.count && $0.size == 4 })
      let array = try #require(spec.variables.first { $0.name == list.rawValue })
      #expect(array.size % ConnectionProgram.List.limit == 0)
    }
    let ladders = [
      ConnectionProgram.accept, ConnectionProgram.refusal, ConnectionProgram.syn, ConnectionProgram.begun,
    ].flatMap { $0 }
    let known = Set(ConnectionProgram.always + [ConnectionProgram.found] + ladders.flatMap { $0 })
    #expect(Set(spec.programs.map(\.name)) == known)
  }

  @Test func anyBytesAreARecordOrAnError() throws {
    var random = SeededGenerator(seed: 6)
    var order = ConnectionOrder()
    for _ in 0..<2000 {
      let count = Int.random(in: 0...200, using: &random)
      let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
      guard let record = try? ConnectionRecord(unsafe bytes.span.bytes) else { continue }
      #expect(count >= ConnectionRecord.byteCount)
      #expect(text(record, width: 120).count == 2)
      _ = try json(record)
      order.add(record)
    }
    var count = 0
    order.release(until: nil) { _ in count += 1 }
    #expect(count > 0)
  }
}
