import BPFRings
import LinuxCalls
import Merops
import Testing

extension RingTests {
  @Test func oneReaderWaitsForManyRings() throws {
    let fixture = try RingsFixture("emit_records", maps: ["all", "even"])
    var rings = try RingBufferSet()
    try rings.add(RingBuffer(fixture.map("all")), token: -1)
    try rings.add(RingBuffer(fixture.map("even")), token: .max)
    let twice = #expect(throws: SystemCallError.self) { try rings.add(RingBuffer(fixture.map("even")), token: .max) }
    #expect(twice?.errno == .exists)
    let wasReady = try rings.wait(milliseconds: 0)
    #expect(!wasReady)
    for _ in 0..<10 { #expect(try fixture.run()) }
    let isReady = try rings.wait()
    #expect(isReady)
    var found: [Int: [UInt64]] = [:]
    let some = rings.drain(limit: 3) { found[$0, default: []].append($1.number) }
    #expect(some == 6)
    // What was reported and not drained is reported again.
    let isStillReady = try rings.wait(milliseconds: 0)
    #expect(isStillReady)
    let rest = rings.drain { found[$0, default: []].append($1.number) }
    #expect(rest == 9)
    #expect(found == [-1: Array(1...10), .max: [2, 4, 6, 8, 10]])

    #expect(try rings.remove(-1))
    #expect(try !rings.remove(-1))
    // 11 is only in the ring that was removed.
    #expect(try fixture.run())
    let isReadyAfterRemoval = try rings.wait(milliseconds: 0)
    #expect(!isReadyAfterRemoval)
    #expect(try fixture.run())
    let isReadyOnceMore = try rings.wait(milliseconds: 0)
    #expect(isReadyOnceMore)
    let last = rings.drain { token, record in #expect(token == .max && record.number == 12) }
    #expect(last == 1)
    let count = rings.count
    #expect(count == 1)
  }
}
