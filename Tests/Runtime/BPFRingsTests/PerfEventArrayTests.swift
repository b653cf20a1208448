import BPFRings
import LinuxCalls
import Merops
import Testing

extension RingTests {
  private func fixture() throws -> RingsFixture { try RingsFixture("emit_sample", maps: ["samples"]) }

  @Test func samplesOfEachCPUComeInTheirOrder() throws {
    let fixture = try fixture()
    var events = try PerfEventArray(fixture.map("samples"), byteCount: 4096)
    let cpus = events.cpus
    #expect(try cpus == onlineCPUs().map { Int($0) })
    let isReady = try events.wait(milliseconds: 0)
    #expect(!isReady)
    var expected: [Int: [UInt64]] = [:]
    var next: UInt64 = 0
    // Samples of many lengths, around the ring's end many times; some of them lie across it.
    for round in 0..<60 {
      for cpu in cpus.reversed() {
        try JoinableThread.onCPU(cpu) { () throws in
          for _ in 0..<3 {
            next += 1
            expected[cpu, default: []].append(next)
            #expect(try fixture.run(byteCount: 64 + 8 * round + round % 8))
          }
        }
      }
      let isReady = try events.wait(milliseconds: 1000)
      #expect(isReady)
      var found: [Int: [UInt64]] = [:]
      var order: [Int] = []
      let count = events.drain { cpu, sample in
        found[cpu, default: []].append(sample.number)
        order.append(cpu)
        #expect(sample.byteCount == (64 + 8 * round + round % 8 + 4 + 7) / 8 * 8 - 4)
        // What the program did not write is zero, also across the end.
        for offset in 8..<64 + 8 * round {
          #expect(unsafe sample.unsafeLoad(fromByteOffset: offset, as: UInt8.self) == 0)
        }
      }
      #expect(count == 3 * cpus.count)
      #expect(found == expected)
      #expect(order == order.sorted())
      expected = [:]
    }
    let lost = events.lostCount
    #expect(lost == 0)
  }

  @Test func aLimitLeavesTheRestForTheNextTime() throws {
    let fixture = try fixture()
    var events = try PerfEventArray(fixture.map("samples"), byteCount: 4096)
    try JoinableThread.onCPU(events.cpus[0]) { () throws in for _ in 0..<10 { #expect(try fixture.run()) } }
    var numbers: [UInt64] = []
    let first = events.drain(limit: 4) { numbers.append($1.number) }
    #expect(first == 4)
    let second = events.drain { numbers.append($1.number) }
    #expect(second == 6)
    #expect(numbers == Array(1...10))
  }

  @Test func whatFindsNoRoomIsCountedByCPU() throws {
    let fixture = try fixture()
    var events = try PerfEventArray(fixture.map("samples"), byteCount: 4096)
    let cpu = try #require(events.cpus.last)
    var refused: UInt64 = 0
    try JoinableThread.onCPU(cpu) { () throws in for _ in 0..<200 { refused += try fixture.run() ? 0 : 1 } }
    #expect(refused > 100)
    var kept = events.drain { _, _ in }
    #expect(UInt64(kept) + refused == 200)
    // The kernel tells with the next one that finds room.
    try JoinableThread.onCPU(cpu) { () throws in #expect(try fixture.run()) }
    kept = events.drain { _, sample in #expect(sample.number == 201) }
    #expect(kept == 1)
    let counts = (events.lostCount, events.lostCount(cpu: cpu), events.lostCount(cpu: 4711))
    #expect(counts == (refused, refused, 0))
  }

  @Test func theReaderIsWokenAtTheMark() throws {
    let fixture = try fixture()
    for (wakeup, first) in [(PerfEventArray.Wakeup.samples(5), 5), (.bytes(10 * 80 - 8), 10), (.samples(0), 1)] {
      var events = try PerfEventArray(fixture.map("samples"), byteCount: 4096, wakeup: wakeup)
      var woken = 0
      try JoinableThread.onCPU(events.cpus[0]) { () throws in
        for count in 1...12 where woken == 0 {
          // 8 bytes of header, 4 of length, 64 and 4 of padding.
          #expect(try fixture.run(byteCount: 64))
          if try events.wait(milliseconds: 0) { woken = count }
        }
      }
      #expect(woken == first)
      let count = events.drain { _, _ in }
      #expect(count == first)
    }
  }

  @Test func aPausedRingLosesAndGoesOn() throws {
    let fixture = try fixture()
    var events = try PerfEventArray(fixture.map("samples"), byteCount: 4096)
    try events.pause()
    try JoinableThread.onCPU(events.cpus[0]) { () throws in
      for _ in 0..<3 { _ = try fixture.run() }
      try events.resume()
      #expect(try fixture.run())
    }
    var numbers: [UInt64] = []
    events.drain { numbers.append($1.number) }
    #expect(numbers == [4])
    let lost = events.lostCount
    #expect(lost == 3)
  }

  @Test func nobodyWritesForAReaderThatHasGone() throws {
    let fixture = try fixture()
    do {
      let events = try PerfEventArray(fixture.map("samples"), byteCount: 4096)
      _ = events.cpus
      #expect(try fixture.run())
    }
    #expect(try !fixture.run())
  }

  @Test func anOverwritableRingKeepsTheNewest() throws {
    let fixture = try fixture()
    var events = try OverwritablePerfEventArray(fixture.map("samples"), byteCount: 4096)
    let cpu = try #require(events.cpus.last)
    var numbers: [UInt64] = []
    try JoinableThread.onCPU(cpu) { () throws in
      for _ in 0..<7 { #expect(try fixture.run(byteCount: 120)) }
      try events.readBackward { numbers.append($0 == cpu ? $1.number : 0) }
      #expect(numbers == (1...7).reversed())
      numbers = []
      // 136 bytes each: 30 of them have room.
      for _ in 0..<1000 { #expect(try fixture.run(byteCount: 120)) }
    }
    try events.readBackward { numbers.append($1.number) }
    #expect(numbers == (978...1007).reversed())
    let again = try events.readBackward { _, _ in }
    #expect(again == 0)
    try JoinableThread.onCPU(cpu) { () throws in #expect(try fixture.run(byteCount: 120)) }
    numbers = []
    try events.readBackward { numbers.append($1.number) }
    #expect(numbers == [1008])
  }

  @Test(arguments: [0, -4096, 4095, 12288, .max]) func ringsOfBadSizesAreRefused(byteCount: Int) throws {
    let fixture = try fixture()
    let error = #expect(throws: SystemCallError.self) {
      _ = try PerfEventArray(fixture.map("samples"), byteCount: byteCount)
    }
    #expect(error?.errno == .invalidArgument)
    #expect(throws: SystemCallError.self) { _ = try RingBuffer(fixture.map("samples")) }
  }
}
