import BPFRings
import LinuxCalls
import Merops
import Testing

extension RingTests {
  @Suite struct RingBufferTests {
    /// The records are numbered by the program; the key turns them round, or leaves them.
    @Test(arguments: [false, true]) func recordsComeInTheOrderOfAKey(isTurned: Bool) throws {
      let fixture = try RingsFixture("emit_records", maps: ["all", "even"])
      var ring = try RingBuffer(fixture.map("all"))
      for _ in 0..<5 { #expect(try fixture.run()) }
      var numbers: [UInt64] = []
      let count = ring.drain(
        limit: 4, orderedBy: { isTurned ? .max - $0.number : $0.number }, { numbers.append($0.number) })
      #expect(count == 4)
      #expect(numbers == (isTurned ? [4, 3, 2, 1] : [1, 2, 3, 4]))
      ring.drain(limit: 4, orderedBy: { _ in 0 }, { numbers.append($0.number) })
      #expect(numbers.last == 5)
      let isEmpty = ring.isEmpty
      #expect(isEmpty)
    }

    @Test(arguments: [false, true]) func manyRecordsComeAtOnce(isTurned: Bool) throws {
      let fixture = try RingsFixture("emit_records", maps: ["all", "even"])
      var ring = try RingBuffer(fixture.map("all"))
      for _ in 0..<5 { #expect(try fixture.run()) }
      var batches: [[UInt64]] = []
      let key: (RawSpan) -> UInt64 = { isTurned ? .max - $0.number : $0.number }
      for limit in [3, 4] {
        ring.drainBatches(limit: limit, orderedBy: key) { memory, records in
          batches.append(records.indices.map { memory.extracting(records[$0]).number })
        }
      }
      #expect(batches == (isTurned ? [[3, 2, 1], [5, 4]] : [[1, 2, 3], [4, 5]]))
      ring.drainBatches(orderedBy: key) { _, _ in Issue.record("a batch of nothing") }
    }
  }
}
