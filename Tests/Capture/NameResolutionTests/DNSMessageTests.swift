import NameResolution
import SeededRandom
import Testing

/// Answers that make no sense: none is a trap, and none takes long.
@Suite struct DNSMessageTests {
  private let question = DNSMessage.question("www.example", .a, id: 7)!

  @Test func theQuestionIsAsTheStandardHasIt() {
    #expect(
      question == [0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 3] + Array("www".utf8) + [7] + Array("example".utf8) + [
        0, 0, 1, 0, 1,
      ])
  }

  @Test func prefixesAreNoAnswers() {
    let answer = question.answered([([0xc0, 12], 5, [1, 0x61, 0]), ([1, 0x61, 0], 1, [1, 2, 3, 4])])
    #expect(DNSMessage.answer(answer, to: question, .a) == .addresses([[1, 2, 3, 4]]))
    for count in 0..<answer.count { #expect(DNSMessage.answer(Array(answer.prefix(count)), to: question, .a) == nil) }
  }

  @Test func namesThatLeadInCirclesEnd() {
    let loops: [[UInt8]] = [
      [0xc0, UInt8(question.count)], [0xc0, 0xff], [0xff, 0xff], [0x40, 0], [1, 0x61, 0xc0, UInt8(question.count)],
    ]
    for name in loops {
      #expect(DNSMessage.answer(question.answered([(name, 1, [1, 2, 3, 4])]), to: question, .a) == nil)
    }
    // Each is the other's other name.
    let circle = question.answered([([0xc0, 12], 5, [1, 0x61, 0]), ([1, 0x61, 0], 5, [0xc0, 12])])
    #expect(DNSMessage.answer(circle, to: question, .a) == nil)
  }

  @Test func addressesOfOthersAndOfOtherLengthsAreLeftOut() {
    let answer = question.answered([
      ([1, 0x62, 0], 1, [6, 6, 6, 6]), ([0xc0, 12], 1, [6, 6, 6]), ([0xc0, 12], 28, [UInt8](repeating: 6, count: 16)),
      ([0xc0, 12], 1, [1, 2, 3, 4]),
    ])
    #expect(DNSMessage.answer(answer, to: question, .a) == .addresses([[1, 2, 3, 4]]))
  }

  @Test func anyBytesAreAnAnswerOrNone() {
    var random = SeededGenerator(seed: 3)
    var understood = 0
    for _ in 0..<50_000 {
      var answer = question.answered([([0xc0, 12], 5, [1, 0x61, 0]), ([1, 0x61, 0], 1, [1, 2, 3, 4])])
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        answer[Int.random(in: 0..<answer.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      if DNSMessage.answer(answer, to: question, .a) != nil { understood += 1 }
    }
    #expect(understood > 100)
  }
}
