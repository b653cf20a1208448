import CaptureEvents
import JudgePrograms
import Testing

@Suite struct TcpdumpComparisonTests {
  static let optionSets: [[String]] = [
    [], ["-t"], ["-t", "-v"], ["-t", "-vv"], ["-t", "-q"], ["-t", "-e"], ["-t", "-e", "-q"], ["-t", "-e", "-v"],
    ["-t", "-S"], ["-t", "-q", "-v"], ["-t", "-x"], ["-t", "-xx"], ["-tt"], ["-ttt"], ["-tttt"], ["-ttttt"], ["-#"],
    ["-#", "-e", "-vv", "-S", "-tttt", "-x"],
  ]

  @Test(arguments: optionSets) func printsWhatTcpdumpPrints(options: [String]) throws {
    let packets = PacketSamples.frames.enumerated().map { index, frame in
      Captured(frame, at: 1_700_000_000_123_456 + Int64(index) * 1_234_567)
    }
    try compare(packets, options)
  }

  /// Headers only, as the kernel program hands them over: the frame on the wire was longer.
  @Test(arguments: [["-t"], ["-t", "-v"], ["-t", "-vv"], ["-t", "-q"], ["-t", "-e"], ["-t", "-x"]])
  func printsWhatTcpdumpPrintsOfFramesCutShort(options: [String]) throws {
    let packets = PacketSamples.frames.flatMap { frame in
      stride(from: 14, to: frame.count, by: frame.count > 90 ? 3 : 1).map { Captured(frame, cutTo: $0) }
    }
    try compare(packets, options)
  }

  /// - Parameter accepts: whether a difference between our line and tcpdump's is meant.
  func compare(
    _ packets: [Captured], _ options: [String], accepts: (String, String) -> Bool = { _, _ in false }
  ) throws {
    let expected = Self.groups(try Judge.tcpdump.read(packets, ["-nn", "-#"] + options))
    let withNumbers = options.contains("-#") ? options : ["-#"] + options
    let actual = Self.groups(printed(packets, PacketPrinter(.text(TextOptions(withNumbers)))))
    #expect(actual.count == packets.count)
    #expect(expected.count == packets.count)
    var differences = 0
    for (index, (ours, theirs)) in zip(actual, expected).enumerated() where ours != theirs && !accepts(ours, theirs) {
      differences += 1
      guard differences <= 20 else { break }
      Issue.record(
        """
        packet \(index), \(packets[index].wireLength) bytes of which were captured: \(packets[index].bytes)
             ours \(ours)
          tcpdump \(theirs)
        """)
    }
  }

  /// The output, split where a line begins with a packet's number.
  static func groups(_ output: String) -> [String] {
    var groups: [String] = []
    for line in output.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
      let digits = line.drop { $0 == UInt8(ascii: " ") }.prefix { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
      if Int(Substring(digits)) == groups.count + 1, line[digits.endIndex...].starts(with: "  ".utf8) {
        groups.append(String(Substring(line)))
      } else if !groups.isEmpty, !line.isEmpty {
        groups[groups.count - 1] += "\n" + String(Substring(line))
      }
    }
    return groups
  }
}
