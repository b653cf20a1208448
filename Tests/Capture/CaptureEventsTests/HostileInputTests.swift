import CaptureEvents
import Foundation
import SeededRandom
import Testing

/// Whatever bytes arrive, every printer goes on, and what it prints keeps its form.
@Suite struct HostileInputTests {
  private static let formats: [PacketPrinter.Format] = {
    var loud = TextOptions(["-e", "-vv", "-#", "-tttt", "-xx"])
    loud.usesColour = true
    loud.showsInterface = true
    return [
      .text(TextOptions()), .text(TextOptions(["-v", "-ttt", "-S"])), .text(TextOptions(["-q", "-e", "-x"])),
      .text(loud), .text(TextOptions(["-A"])), .text(TextOptions(["-e", "-v", "-X"])), .headers, .json,
    ]
  }()

  private static let linkTypes: [LinkType] = [
    .ethernet, .ethernet, .linuxSLL, .linuxSLL2, .null, .raw, LinkType(rawValue: 9),
  ]

  @Test func everyPrefixOfEverySampleIsPrinted() throws {
    for format in Self.formats {
      var printer = PacketPrinter(format)
      var out = OutputBuffer()
      for frame in PacketSamples.frames + ICMPTextTests.frames {
        for count in 0...frame.count {
          out.removeAll()
          print(Captured(frame, cutTo: count), &printer, into: &out)
          check(out, format)
        }
      }
    }
  }

  @Test func everyPrefixOfOtherProtocolsAndLinksIsPrinted() {
    let links = [(LinkType.ethernet, ProtocolSamples.frames)] + ProtocolSamples.otherLinks
    for format in Self.formats {
      var printer = PacketPrinter(format)
      var out = OutputBuffer()
      for (type, frames) in links {
        for frame in frames {
          for count in 0...frame.count {
            out.removeAll()
            print(Captured(frame, cutTo: count, linkType: type), &printer, into: &out)
            check(out, format)
          }
        }
      }
    }
  }

  @Test func mutatedSamplesArePrinted() {
    for format in Self.formats {
      var random = SeededGenerator(seed: 2)
      var printer = PacketPrinter(format, connectionCapacity: 500)
      var out = OutputBuffer()
      for round in 0..<20_000 {
        out.removeAll()
        let samples = round % 2 == 0 ? nil : ICMPTextTests.frames
        print(Mutation.next(of: samples, using: &random), &printer, into: &out)
        check(out, format, parses: round % 10 == 0)
      }
    }
  }

  @Test func randomBytesArePrinted() {
    for format in Self.formats {
      var random = SeededGenerator(seed: 3)
      var printer = PacketPrinter(format, connectionCapacity: 500)
      var out = OutputBuffer()
      for round in 0..<5_000 {
        var bytes = (0..<Int.random(in: 0...120, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
        // Half of them get past the first door.
        if bytes.count > 14, round % 2 == 0 {
          bytes.replaceSubrange(12..<15, with: round % 4 == 0 ? [0x08, 0x00, 0x45] : [0x86, 0xdd, 0x60])
        }
        out.removeAll()
        let type = Self.linkTypes[round % Self.linkTypes.count]
        print(Captured(bytes, linkType: type), &printer, into: &out)
        check(out, format, parses: round % 10 == 0)
      }
    }
  }

  private func check(_ out: borrowing OutputBuffer, _ format: PacketPrinter.Format, parses: Bool = true) {
    #expect(out.last == UInt8(ascii: "\n"))
    guard format == .json, parses else { return }
    let text = out.text
    #expect(text.filter { $0 == "\n" }.count == 1)
    #expect(throws: Never.self, "\(text)") { try JSONSerialization.jsonObject(with: Data(text.utf8)) }
  }

  @Test func thousandsOfMutatedPacketsArePrintedAsTcpdumpPrintsThem() throws {
    for (seed, options) in [(4, ["-t"]), (5, ["-t", "-v"]), (6, ["-t", "-e"])] as [(UInt64, [String])] {
      var random = SeededGenerator(seed: seed)
      let packets = (0..<4_000).map { _ in Mutation.next(using: &random) }.filter { !$0.bytes.isEmpty }
      var accepted = 0
      try TcpdumpComparisonTests().compare(packets, options) { ours, theirs in
        let isAccepted = Mutation.isAccepted(ours: ours, theirs: theirs)
        if isAccepted { accepted += 1 }
        return isAccepted
      }
      #expect(accepted < packets.count / 10)
    }
  }
}

enum Mutation {
  /// A sample with some bytes changed, cut short or both; its Ethernet type is left alone.
  /// - Parameter frames: what to choose from; nil for anything but ICMP and ARP.
  static func next(of frames: [[UInt8]]? = nil, using random: inout SeededGenerator) -> Captured {
    let others = Int.random(in: 0..<4, using: &random) == 0 ? ProtocolSamples.frames : PacketSamples.frames
    let samples = frames ?? others
    var frame = samples.randomElement(using: &random) ?? []
    for _ in 0..<Int.random(in: 0...3, using: &random) where frame.count > 14 {
      let index = Int.random(in: 14..<frame.count, using: &random)
      switch Int.random(in: 0...2, using: &random) {
      case 0: frame[index] ^= 1 << UInt8.random(in: 0...7, using: &random)
      case 1: frame[index] = UInt8.random(in: 0...255, using: &random)
      default: frame[index] = UInt8.random(in: 0...9, using: &random)
      }
    }
    if Bool.random(using: &random) { frame += Array(repeating: 0, count: Int.random(in: 0...8, using: &random)) }
    return Captured(frame, cutTo: Bool.random(using: &random) ? .max : Int.random(in: 1...frame.count, using: &random))
  }

  /// Differences that are meant.
  static func isAccepted(ours: String, theirs: String) -> Bool {
    Dissection.reason(ours: ours, theirs: theirs) != nil
  }
}
