import BPFRings
import LinuxCalls
import Merops
import Testing

extension RingTests {
  private func fixture() throws -> RingsFixture {
    do {
      _ = try Map(
        creating: MapSpec(name: "probe", type: .userRingBuffer, keySize: 0, valueSize: 0, maxEntries: UInt32(pageSize)))
    } catch {
      if error.cause.errno == .invalidArgument { try Test.cancel("this kernel has no user ring buffers (6.1)") }
      throw error
    }
    return try RingsFixture("drain_requests", maps: ["requests"])
  }

  private func bytes(_ number: UInt64) -> [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) } }

  @Test func theProgramTakesWhatWasSubmitted() throws {
    let fixture = try fixture()
    var ring = try UserRingBuffer(fixture.map("requests"))
    // 16 bytes a record: around the ring many times.
    var sum: UInt64 = 0
    for round in 0..<20 as Range<UInt64> {
      for number in 0..<200 {
        sum += round * 1000 + UInt64(number)
        let wasSent = try unsafe ring.send(bytes(round * 1000 + UInt64(number)).span.bytes)
        #expect(wasSent)
      }
      #expect(try fixture.run())
      #expect(try fixture.variable(1) == 200 * (round + 1))
      #expect(try fixture.variable(2) == sum)
      #expect(try fixture.variable(3) == 200)
    }
  }

  @Test func anUnfinishedRecordHoldsBackThoseBehindItAndADiscardedOneIsPassedOver() throws {
    let fixture = try fixture()
    var ring = try UserRingBuffer(fixture.map("requests"))
    guard var first = try ring.reserve(byteCount: 8), var second = try ring.reserve(byteCount: 100),
      var third = try ring.reserve(byteCount: 9)
    else {
      Issue.record("there is room")
      return
    }
    first.withMutableBytes { $0.storeBytes(of: 5 as UInt64, as: UInt64.self) }
    second.withMutableBytes { $0.storeBytes(of: 1000 as UInt64, as: UInt64.self) }
    third.withMutableBytes { $0.storeBytes(of: 7 as UInt64, as: UInt64.self) }
    third.submit()
    second.discard()
    _ = try fixture.run()
    #expect(try fixture.variable(1) == 0)
    first.submit()
    _ = try fixture.run()
    #expect(try fixture.variable(1) == 2)
    #expect(try fixture.variable(2) == 12)
    // One that ends unfinished is discarded.
    do { _ = try ring.reserve(byteCount: 8) }
    let wasSent = try unsafe ring.send(bytes(30).span.bytes)
    #expect(wasSent)
    _ = try fixture.run()
    #expect(try fixture.variable(1) == 3)
    #expect(try fixture.variable(2) == 42)
  }

  @Test func aFullRingHasNoRoomUntilItIsDrained() throws {
    let fixture = try fixture()
    var ring = try UserRingBuffer(fixture.map("requests"))
    var count = 0
    while try unsafe ring.send(bytes(1).span.bytes) { count += 1 }
    #expect(count == 256)
    let start = Clock.monotonic
    let none = try ring.reserve(byteCount: 8, waitingMilliseconds: 50) == nil
    #expect(none)
    #expect(Clock.monotonic - start >= 49_000_000)
    // Drained while the writer waits.
    let thread = try JoinableThread {
      sleepMilliseconds(100)
      _ = try? fixture.run()
    }
    defer { thread.join() }
    let later = try ring.reserve(byteCount: 4000, waitingMilliseconds: 10_000)
    let isThere = later != nil
    #expect(isThere)
  }

  @Test func aWriterAndAProgramKeepEachOtherGoing() throws {
    let fixture = try fixture()
    var ring = try UserRingBuffer(fixture.map("requests"))
    let count: UInt64 = 20_000
    let over = try Notification()
    let thread = try JoinableThread { while over.takeCount() == 0 { _ = try? fixture.run() } }
    for number in 1...count {
      guard var record = try ring.reserve(byteCount: 8 + Int(number % 100), waitingMilliseconds: 10_000) else {
        Issue.record("nobody woke the writer")
        break
      }
      record.withMutableBytes { $0.storeBytes(of: number, as: UInt64.self) }
      record.submit()
    }
    over.give()
    thread.join()
    _ = try fixture.run()
    #expect(try fixture.variable(1) == count)
    #expect(try fixture.variable(2) == count * (count + 1) / 2)
  }

  @Test(arguments: [-1, 4089, 1 << 30, .max, .min]) func recordsThatNeverFitAreErrors(byteCount: Int) throws {
    let fixture = try fixture()
    var ring = try UserRingBuffer(fixture.map("requests"))
    var errno: Errno?
    do { _ = try ring.reserve(byteCount: byteCount) } catch { errno = error.errno }
    #expect(errno == .argumentListTooLong)
  }

  @Test func recordsOfAllSizesGoThrough() throws {
    let fixture = try fixture()
    var ring = try UserRingBuffer(fixture.map("requests"))
    for count in [0, 1, 7, 8, 9, 4088] {
      let before = try fixture.variable(1)
      let wasSent = try unsafe ring.send([UInt8](repeating: 0, count: count).span.bytes)
      #expect(wasSent)
      _ = try fixture.run()
      #expect(try fixture.variable(1) == before + 1)
    }
  }
}
