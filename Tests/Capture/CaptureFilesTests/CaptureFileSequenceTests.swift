import CaptureFiles
import Testing

/// The names and the end that tcpdump 4.99 gives to the same options; FileRotationTests of the command asks it.
@Suite struct CaptureFileSequenceTests {
  /// The value in a place that `#expect` can change.
  private final class Sequence {
    private var value: CaptureFileSequence

    init(_ limits: CaptureFileSequence.Limits, now: Int = 0) { value = CaptureFileSequence(limits, now: now) }

    func advance(byteCount: Int) -> Bool { value.advance(byteCount: byteCount) }
    func room(byteCount: Int) -> Int? { value.room(byteCount: byteCount) }
    func advance(now: Int) -> CaptureFileSequence.Step { value.advance(now: now) }
    var suffix: String { value.suffix }
    var start: Int { value.start }
    var end: Int? { value.end }
    var namesTellTheTime: Bool { value.namesTellTheTime }
  }

  /// The suffixes of files that each get one packet too many.
  private func suffixes(_ limits: CaptureFileSequence.Limits, count: Int) -> [String] {
    let sequence = Sequence(limits)
    var suffixes = [sequence.suffix]
    while suffixes.count < count {
      #expect(!sequence.advance(byteCount: 1000))
      #expect(sequence.advance(byteCount: 1001))
      suffixes.append(sequence.suffix)
    }
    return suffixes
  }

  @Test(arguments: [
    (nil, ["", "1", "2", "3"]), (1, ["", "", ""]), (2, ["0", "1", "0"]), (10, ["0", "1", "2"]),
    (11, ["00", "01", "02"]),
    (1001, ["0000", "0001"]),
  ])
  func sizesNumberFiles(fileCount: Int?, names: [String]) {
    #expect(suffixes(.init(byteCount: 1000, fileCount: fileCount), count: names.count) == names)
  }

  @Test func allNumbersAreUsedBeforeTheFirstComesAgain() {
    let names = suffixes(.init(byteCount: 1000, fileCount: 12), count: 25)
    #expect(names[11] == "11")
    #expect(names[12] == "00")
    #expect(Set(names).count == 12)
  }

  @Test func intervalsBeginWhereTheOneBeforeEnded() {
    let sequence = Sequence(.init(seconds: 10), now: 103)
    #expect(sequence.namesTellTheTime)
    #expect(sequence.end == 113)
    #expect(sequence.advance(now: 112) == .stays)
    #expect(sequence.advance(now: 114) == .next)
    #expect(sequence.start == 113)
    #expect(sequence.suffix.isEmpty)
    // Nobody looked for three of them.
    #expect(sequence.advance(now: 145) == .next)
    #expect(sequence.start == 143)
    #expect(sequence.advance(now: 152) == .stays)
  }

  @Test func aClockSetBackDoesNotStopIt() {
    let sequence = Sequence(.init(seconds: 10), now: 1000)
    #expect(sequence.advance(now: 500) == .stays)
    #expect(sequence.advance(now: 510) == .next)
  }

  @Test func countedIntervalsEnd() {
    let sequence = Sequence(.init(seconds: 1, fileCount: 3))
    #expect((1...3).map { sequence.advance(now: $0) } == [.next, .next, .ends])
  }

  @Test(arguments: [0, 1, 999, 1000, 1001, 5000]) func roomEndsWithTheFile(byteCount: Int) throws {
    let sequence = Sequence(.init(byteCount: 1000))
    let room = try #require(sequence.room(byteCount: byteCount))
    #expect(room > 0)
    #expect(sequence.advance(byteCount: byteCount + room))
    #expect(byteCount > 1000 || !sequence.advance(byteCount: byteCount + room - 1))
    #expect(Sequence(.init()).room(byteCount: byteCount) == nil)
  }

  /// With both limits the count is one of sizes, and never ends anything.
  @Test func numbersBeginAgainWithAnInterval() {
    let sequence = Sequence(.init(byteCount: 1000, seconds: 1, fileCount: 2))
    #expect(sequence.suffix == "0")
    #expect(sequence.advance(byteCount: 2000))
    #expect(sequence.suffix == "1")
    #expect(sequence.advance(byteCount: 2000))
    #expect(sequence.suffix == "0")
    #expect(sequence.advance(byteCount: 2000))
    for second in 1...5 {
      #expect(sequence.advance(now: second) == .next)
      #expect(sequence.suffix == "0")
    }
  }

  @Test func withoutLimitsThereIsOneFile() {
    let sequence = Sequence(.init())
    #expect(!sequence.advance(byteCount: .max))
    #expect(sequence.advance(now: .max) == .stays)
    #expect(sequence.end == nil)
    #expect(sequence.suffix.isEmpty)
  }
}
