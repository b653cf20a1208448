import CaptureEvents
import JudgePrograms
import SeededRandom
import Testing

@Suite struct TimestampTests {
  /// tcpdump 4.99.3 reads seconds of a file as signed, so the comparison ends in 2038.
  /// POSIX writes hours west of Greenwich, so the signs differ.
  @Test(arguments: [("UTC", 0), ("XXX-05:30", 19_800), ("XXX+03:30", -12_600), ("XXX-14", 50_400)])
  func printsTheTimeOfDayOfItsZone(zone: String, secondsFromUTC: Int) throws {
    var random = SeededGenerator(seed: 10)
    let leapDays: [Int64] = [951_782_400, 951_868_799, 951_868_800, 1_709_164_800, 1_709_251_199]
    let seconds =
      leapDays + [0, 1, 86_399, 86_400] + (0..<500).map { _ in Int64.random(in: 0...2_147_400_000, using: &random) }
    let packets = seconds.map { second in
      Captured(PacketBuilder().frame4, at: second * 1_000_000 + Int64.random(in: 0..<1_000_000, using: &random))
    }
    for options in [[], ["-tttt"], ["-tt"]] {
      var printer = PacketPrinter(.text(TextOptions(options)))
      printer.secondsFromUTC = secondsFromUTC
      let expected = try Judge.tcpdump.read(packets, ["-nn"] + options, timeZone: zone).split(separator: "\n")
      let actual = printed(packets, printer).split(separator: "\n")
      #expect(actual.count == expected.count)
      for (ours, theirs) in zip(actual, expected) { #expect(ours == theirs) }
    }
  }

  @Test func goesOnBeforeTheEpoch() {
    let packet = Captured(PacketBuilder().frame4, at: -1)
    let text = printed([packet], PacketPrinter(.text(TextOptions(["-tttt"]))))
    #expect(text.hasPrefix("1969-12-31 23:59:59.999999 IP "))
  }

  @Test func changesTheZoneInTheMiddle() {
    var printer = PacketPrinter(.text(TextOptions()))
    var out = OutputBuffer()
    let packet = Captured(PacketBuilder().frame4, at: 1_700_000_000_000_000)
    print(packet, &printer, into: &out)
    printer.secondsFromUTC = 3600
    print(packet, &printer, into: &out)
    #expect(out.text.split(separator: "\n").map { $0.prefix(8) } == ["22:13:20", "23:13:20"])
  }
}
