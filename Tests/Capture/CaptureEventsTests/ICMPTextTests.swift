import CaptureEvents
import JudgePrograms
import SeededRandom
import Testing

/// ICMP, ICMPv6 and ARP in tcpdump's words.
@Suite struct ICMPTextTests {
  static let frames = ICMPSamples.frames + ICMPv6Samples.frames + ARPSamples.frames

  @Test(arguments: TcpdumpComparisonTests.optionSets + [["-t", "-vvv"], ["-t", "-v", "-x"]])
  func printsWhatTcpdumpPrints(options: [String]) throws {
    try TcpdumpComparisonTests().compare(Self.frames.map { Captured($0) }, options)
  }

  @Test(arguments: [
    ["-t"], ["-t", "-v"], ["-t", "-vv"], ["-t", "-q"], ["-t", "-e"], ["-t", "-x"], ["-t", "-v", "-x"],
  ])
  func printsWhatTcpdumpPrintsOfFramesCutShort(options: [String]) throws {
    let packets = Self.frames.flatMap { frame in
      stride(from: 14, to: frame.count, by: options == ["-t", "-v"] ? 1 : 5).map { Captured(frame, cutTo: $0) }
    }
    try TcpdumpComparisonTests().compare(packets, options)
  }

  @Test(arguments: [(7, ["-t"]), (8, ["-t", "-v"]), (9, ["-t", "-vv"]), (10, ["-t", "-e"])] as [(UInt64, [String])])
  func thousandsOfMutatedPacketsArePrintedAsTcpdumpPrintsThem(seed: UInt64, options: [String]) throws {
    var random = SeededGenerator(seed: seed)
    let packets = (0..<4_000).map { _ in Mutation.next(of: Self.frames, using: &random) }.filter { !$0.bytes.isEmpty }
    var accepted = 0
    try TcpdumpComparisonTests().compare(packets, options) { ours, theirs in
      let isAccepted = Self.isAccepted(ours: ours, theirs: theirs)
      if isAccepted { accepted += 1 }
      return isAccepted
    }
    #expect(accepted < packets.count / 50)
  }

  /// Differences that are meant: in packets that have become something else, and in what is quoted of them.
  private static func isAccepted(ours: String, theirs: String) -> Bool {
    let isOurs = ours.contains("ICMP") || ours.contains("ARP")
    guard !isOurs || ours.contains("\n\tIP ") || ours.contains("\n\t(") else { return false }
    return theirs.contains("mobility") || Mutation.isAccepted(ours: ours, theirs: theirs)
  }
}
