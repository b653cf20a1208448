import BPFRings
import LinuxCalls
import Merops
import Synchronization
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

  @Test func noneIsMissingWhileAllCPUsWrite() throws {
    let fixture = try fixture()
    var events = try PerfEventArray(fixture.map("samples"), byteCount: 4096, wakeup: .bytes(1024))
    let cpus = events.cpus
    let refused = Mutex<[Int: UInt64]>([:])
    let running = Atomic(cpus.count)
    let count = 3000
    try withThreads(cpus) { cpu in
      var own: UInt64 = 0
      try? JoinableThread.onCPU(cpu) { () throws in for _ in 0..<count { own += try fixture.run() ? 0 : 1 } }
      refused.withLock { $0[cpu] = own }
      running.subtract(1, ordering: .releasing)
    } whileTheyRun: {
      var kept: [Int: UInt64] = [:]
      while running.load(ordering: .acquiring) > 0 {
        _ = try events.wait(milliseconds: 10)
        events.drain { cpu, _ in kept[cpu, default: 0] += 1 }
      }
      events.drain { cpu, _ in kept[cpu, default: 0] += 1 }
      for cpu in cpus {
        try JoinableThread.onCPU(cpu) { () throws in #expect(try fixture.run()) }
        events.drain { kept[$0, default: 0] += $1.byteCount > 0 ? 1 : 0 }
        let (lost, all) = (events.lostCount(cpu: cpu), UInt64(count) + 1)
        #expect(lost == refused.withLock { $0[cpu] })
        #expect(lost + (kept[cpu] ?? 0) == all)
      }
    }
  }

  /// Bytes that no kernel writes: nothing is read outside of the ring, and every call ends.
  @Test func recordsOfAnyBytesDoNoHarm() {
    let byteCount = 4096
    var ring = [UInt64](repeating: 0, count: byteCount / 8)
    var scratch = [UInt8](repeating: 0, count: PerfRecords.longest)
    func drain(from start: UInt, to end: UInt) -> (samples: [Int], lost: UInt64, position: UInt) {
      var (samples, lost, position): ([Int], UInt64, UInt) = ([], 0, start)
      unsafe ring.withUnsafeMutableBytes { ring in
        unsafe scratch.withUnsafeMutableBytes { scratch in
          guard let address = ring.baseAddress else { return }
          let records = unsafe PerfRecords(at: UnsafeRawPointer(address), byteCount: byteCount)
          _ = unsafe records.drain(
            from: start, to: end, limit: .max, scratch: scratch, lost: &lost, release: { position = $0 }
          ) { samples.append($0.byteCount) }
          _ = unsafe records.drainBackward(from: start, to: end, scratch: scratch) { _ in }
        }
      }
      return (samples, lost, position)
    }
    func header(_ kind: UInt64, _ length: UInt64) -> UInt64 { kind | length << 48 }
    // Empty, of length 0, shorter than a header, no multiple of 8, longer than what is there.
    for length in [0, 1, 7, 12, 24, 65528] as [UInt64] {
      ring[0] = header(9, length)
      let answer = drain(from: 0, to: 16)
      #expect(answer.samples.isEmpty && answer.position == 16)
    }
    // A sample longer than its record; one with nothing but its length; a lost record without its number.
    ring[0] = header(9, 16)
    for size in [5, 1 << 31, 0xffff_ffff] as [UInt64] {
      ring[1] = size
      #expect(drain(from: 0, to: 16).samples.isEmpty)
    }
    ring[1] = 4
    #expect(drain(from: 0, to: 16).samples == [4])
    ring[0] = header(9, 8)
    #expect(drain(from: 0, to: 8).samples.isEmpty)
    ring[0] = header(2, 16)
    #expect(drain(from: 0, to: 16).lost == 0)
    ring[0] = header(2, 24)
    ring[2] = 77
    #expect(drain(from: 0, to: 24).lost == 77)
    // Positions that no kernel has: unaligned, far apart, around the end of the word.
    for (start, end) in [(1, 9), (0, .max), (.max - 7, 16), (8, 0), (4095, 4096)] as [(UInt, UInt)] {
      let answer = drain(from: start, to: end)
      #expect(answer.position == end || answer.samples.isEmpty)
    }
    // The same numbers each time.
    var state: UInt64 = 1
    func number(below limit: UInt64) -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return (state >> 33) % limit
    }
    for _ in 0..<300 {
      for index in ring.indices {
        ring[index] =
          index % 3 == 0
          ? header(number(below: 2) == 0 ? 9 : number(below: 20), number(below: 25) * 8) : number(below: 64)
      }
      let start = UInt(number(below: 1 << 31) << 33 | number(below: 1 << 31) << 3)
      _ = drain(from: start, to: start &+ UInt(number(below: 8192)))
    }
  }

  /// Runs `work` on a thread for each number.
  private func withThreads(
    _ numbers: [Int], _ work: @Sendable @escaping (Int) -> Void, whileTheyRun body: () throws -> Void
  ) throws {
    let threads = try numbers.map { number in try JoinableThread { work(number) } }
    defer { for thread in threads { thread.join() } }
    try body()
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
