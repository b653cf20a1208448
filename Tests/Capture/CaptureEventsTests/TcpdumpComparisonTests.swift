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
    // Indices instead of slices: an unoptimized build is slow enough without.
    let bytes = Array(output.utf8)
    var groups: [String] = []
    var group: [UInt8] = []
    var start = 0
    while start < bytes.count {
      var end = start
      while end < bytes.count, bytes[end] != UInt8(ascii: "\n") { end += 1 }
      let isFirst = number(bytes, start..<end) == groups.count + (group.isEmpty ? 1 : 2)
      if isFirst, !group.isEmpty {
        groups.append(String(decoding: group, as: UTF8.self))
        group.removeAll()
      }
      if isFirst {
        group += bytes[start..<end]
      } else if !group.isEmpty, end > start {
        group.append(UInt8(ascii: "\n"))
        group += bytes[start..<end]
      }
      start = end + 1
    }
    if !group.isEmpty { groups.append(String(decoding: group, as: UTF8.self)) }
    return groups
  }

  /// The number that a line begins with, behind blanks, if two blanks follow it.
  private static func number(_ bytes: [UInt8], _ line: Range<Int>) -> Int? {
    var index = line.lowerBound
    while index < line.upperBound, bytes[index] == UInt8(ascii: " ") { index += 1 }
    var number: Int?
    while index < line.upperBound, bytes[index] >= UInt8(ascii: "0"), bytes[index] <= UInt8(ascii: "9") {
      number = (number ?? 0) &* 10 &+ Int(bytes[index] &- UInt8(ascii: "0"))
      index += 1
    }
    guard index + 2 <= line.upperBound, bytes[index] == UInt8(ascii: " "), bytes[index + 1] == UInt8(ascii: " ") else {
      return nil
    }
    return number
  }
}
