import BPFRings
import SeededRandom
import Testing

/// Samples of several rings in one order. Needs no kernel: the rings are written here as it writes them.
@Suite struct PerfPagesTests {
  /// A ring that the test writes to.
  @safe private final class Ring {
    static let pageSize = 4096
    let pages: PerfPages
    private let byteCount: Int
    private let memory: UnsafeMutableRawBufferPointer
    private let records: UnsafeMutableRawBufferPointer

    init(byteCount: Int = 4096) {
      self.byteCount = byteCount
      unsafe memory = .allocate(byteCount: Self.pageSize + byteCount, alignment: 4096)
      unsafe memory.initializeMemory(as: UInt8.self, repeating: 0)
      unsafe records = UnsafeMutableRawBufferPointer(rebasing: memory[Self.pageSize...])
      guard let start = unsafe memory.baseAddress else { fatalError("no memory") }
      unsafe pages = PerfPages(at: start, pageSize: Self.pageSize, byteCount: byteCount)
    }

    deinit { unsafe memory.deallocate() }

    private(set) var head: UInt {
      get { unsafe memory.load(fromByteOffset: 1024, as: UInt.self) }
      set { unsafe memory.storeBytes(of: newValue, toByteOffset: 1024, as: UInt.self) }
    }
    var tail: UInt { unsafe memory.load(fromByteOffset: 1032, as: UInt.self) }

    private func append(kind: UInt32, _ words: [UInt64]) -> Bool {
      let length = 8 + 8 * words.count
      guard Int(head - tail) + length <= byteCount else { return false }
      for word in [UInt64(kind) | UInt64(length) << 48] + words {
        unsafe records.storeBytes(of: word, toByteOffset: Int(head) % byteCount, as: UInt64.self)
        head += 8
      }
      return true
    }

    /// The number stands behind the sample's length, in two halves of words.
    func sample(_ number: UInt64, padding: Int = 0) -> Bool {
      let size = UInt64(12 + 8 * padding)
      return append(kind: 9, [size | number << 32, number >> 32] + [UInt64](repeating: 0, count: padding))
    }

    /// Gives the first record a length that none has.
    func spoil() { unsafe records.storeBytes(of: 9 | 12 << 48, as: UInt64.self) }

    func lost(_ count: UInt64) -> Bool { append(kind: 2, [0, count]) }
  }

  private func drain(_ rings: [Ring], limit: Int = .max, through last: UInt64 = .max) -> [UInt64] {
    var (numbers, scratch): ([UInt64], [UInt8]) = ([], [UInt8](repeating: 0, count: PerfRecords.longest))
    let pages = rings.map(\.pages)
    let count = unsafe scratch.withUnsafeMutableBytes { scratch in
      unsafe PerfPages.drain(
        pages, limit: limit, through: last, scratch: scratch,
        orderedBy: { unsafe $0.unsafeLoadUnaligned(as: UInt64.self) }
      ) { numbers.append(unsafe $0.unsafeLoadUnaligned(as: UInt64.self)) }
    }
    #expect(count == numbers.count)
    return numbers
  }

  @Test func comesInTheOrderOfTheKeys() {
    let rings = [Ring(), Ring(), Ring()]
    for (ring, number) in [(0, 1), (0, 4), (1, 2), (1, 3), (0, 9), (1, 8)] as [(Int, UInt64)] {
      #expect(rings[ring].sample(number))
    }
    #expect(drain(rings) == [1, 2, 3, 4, 8, 9])
    #expect(rings.allSatisfy { $0.pages.unreadByteCount == 0 && $0.tail == $0.head })
    #expect(drain(rings) == [])
    #expect(drain([]) == [])
  }

  @Test func whatIsTooYoungWaits() {
    let rings = [Ring(), Ring()]
    for number in 1...6 as ClosedRange<UInt64> { #expect(rings[Int(number % 2)].sample(number)) }
    #expect(drain(rings, through: 0) == [])
    #expect(drain(rings, through: 3) == [1, 2, 3])
    // What comes late, and is older than what waits.
    #expect(rings[0].pages.unreadByteCount == 48 && rings[0].tail < rings[0].head)
    #expect(drain(rings, limit: 1, through: 6) == [4])
    #expect(drain(rings, limit: 0) == [])
    #expect(drain(rings) == [5, 6])
  }

  @Test func theSameKeyOnSeveralCPUsComesOnceForEach() {
    let rings = [Ring(), Ring(), Ring()]
    for ring in rings { for number in [5, 5, .max] as [UInt64] { #expect(ring.sample(number)) } }
    #expect(drain(rings) == [5, 5, 5, 5, 5, 5, .max, .max, .max])
  }

  @Test func lossesAreCountedOnce() {
    let rings = [Ring(), Ring()]
    #expect(rings[0].lost(3) && rings[0].sample(7) && rings[0].lost(4))
    #expect(rings[1].sample(1))
    #expect(drain(rings, limit: 1) == [1])
    #expect(drain(rings, through: 6) == [])
    #expect(rings.map(\.pages.lostCount) == [3, 0])
    #expect(drain(rings) == [7])
    #expect(rings.map(\.pages.lostCount) == [7, 0])
    #expect(rings[0].pages.unreadByteCount == 0)
  }

  /// Whatever is written when: each sample once, and none before an older one that was there.
  @Test(arguments: 1...20) func randomOnesComeInOrder(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let rings = (0..<Int.random(in: 1...5, using: &random)).map { _ in Ring() }
    var (now, written, taken): (UInt64, [UInt64], [UInt64]) = (0, [], [])
    var lost = [UInt64](repeating: 0, count: rings.count)
    for _ in 0..<400 {
      for _ in 0..<Int.random(in: 0...30, using: &random) {
        now += UInt64.random(in: 0...2, using: &random)
        let index = Int.random(in: rings.indices, using: &random)
        if Int.random(in: 0..<10, using: &random) == 0 {
          if rings[index].lost(1) { lost[index] += 1 }
        } else if rings[index].sample(now, padding: Int.random(in: 0...40, using: &random)) {
          written.append(now)
        }
      }
      let last = now - min(now, UInt64.random(in: 0...5, using: &random))
      let some = drain(rings, limit: Int.random(in: 0...100, using: &random), through: last)
      #expect(some.allSatisfy { $0 <= last })
      taken += some
    }
    taken += drain(rings)
    // It was written in order, so that it has to be read so.
    #expect(taken == written)
    #expect(rings.map(\.pages.lostCount) == lost)
    #expect(written.count > 1000)
  }

  /// What no kernel writes ends a ring's reading, and not that of the others.
  @Test func bytesThatAreNoRecordAreGivenUp() {
    let rings = [Ring(), Ring()]
    #expect(rings[0].sample(1) && rings[0].sample(3))
    #expect(rings[1].sample(2))
    let broken = Ring()
    #expect(broken.sample(0, padding: 1))
    broken.spoil()
    #expect(drain(rings + [broken]) == [1, 2, 3])
    #expect(broken.pages.unreadByteCount == 0)
  }
}
