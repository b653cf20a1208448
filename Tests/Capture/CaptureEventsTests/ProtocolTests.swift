import CaptureEvents
import Foundation
import Testing

/// Other protocols than TCP, and other link types than Ethernet, beside tcpdump and tshark.
@Suite struct ProtocolTests {
  private static let optionSets: [[String]] = [
    ["-t"], ["-t", "-v"], ["-t", "-vv"], ["-t", "-q"], ["-t", "-e"], ["-t", "-e", "-q", "-v"], ["-t", "-x"],
    ["-t", "-X"],
    ["-t", "-e", "-XX"], ["-t", "-A"], ["-t", "-AA"],
  ]

  @Test(arguments: optionSets) func printsWhatTcpdumpPrints(options: [String]) throws {
    try compare(ProtocolSamples.frames.map { Captured($0) }, options)
    try compare(ProtocolSamples.frames.flatMap { cuts(of: $0, .ethernet) }, options)
  }

  @Test(arguments: optionSets) func printsOtherLinksAsTcpdumpDoes(options: [String]) throws {
    for (type, frames) in ProtocolSamples.otherLinks {
      try compare(frames.map { Captured($0, linkType: type) } + frames.flatMap { cuts(of: $0, type) }, options)
    }
  }

  private func cuts(of frame: [UInt8], _ type: LinkType) -> [Captured] {
    stride(from: 1, to: frame.count, by: frame.count > 90 ? 3 : 1).map { Captured(frame, cutTo: $0, linkType: type) }
  }

  private func compare(_ packets: [Captured], _ options: [String]) throws {
    try TcpdumpComparisonTests().compare(packets, options) { ours, theirs in
      // A dump below the line is the same whatever the line says, unless tcpdump's ends in a failed read.
      guard let start = ours.range(of: options.contains { $0.hasPrefix("-A") } ? "\n" : "\n\t0x0000:")?.lowerBound
      else {
        return Dissection.reason(ours: ours, theirs: theirs) != nil
      }
      guard theirs.hasSuffix(ours[start...]) else {
        return theirs.contains("[|") && Dissection.reason(ours: String(ours[..<start]), theirs: theirs) != nil
      }
      let line = String(theirs.dropLast(ours[start...].count))
      return Dissection.reason(ours: String(ours[..<start]), theirs: line) != nil
    }
  }

  @Test func numbersThatMeanRawIPAreUnderstood() {
    let datagram = PacketBuilder().ipv4()
    for number in [12, 14, 101, 228, 229] as [UInt16] {
      let type = LinkType(rawValue: number)
      #expect(type.isUnderstood)
      let line = printed([Captured(datagram, linkType: type)], PacketPrinter(.text(TextOptions(["-t"]))))
      #expect(line.hasPrefix("IP 10.0.0.1.1111 > 10.0.0.2.2222: Flags [.]"))
    }
    #expect(!LinkType(rawValue: 127).isUnderstood)
    let line = printed(
      [Captured(datagram, linkType: LinkType(rawValue: 127))], PacketPrinter(.text(TextOptions(["-t"]))))
    #expect(line.hasPrefix("unknown link type, length 40: \n\t0x0000:  4500 0028"))
  }

  @Test func namesTheInterfaceOfCookedPacketsOnce() throws {
    let frames = try #require(ProtocolSamples.otherLinks.first { $0.type == .linuxSLL2 }).frames
    var options = TextOptions(["-t"])
    options.showsInterface = true
    let packet = Captured(frames[4], linkType: .linuxSLL2)
    #expect(printed([packet], PacketPrinter(.text(options)), interfaceName: "eth0").hasPrefix("eth0  Out IP"))
    #expect(printed([packet], PacketPrinter(.text(options)), interfaceName: "").hasPrefix("?     Out IP"))
  }

  @Test func packetsWithinPacketsHaveABound() {
    var datagram = PacketBuilder().ipv4()
    for _ in 0..<12 { datagram = ProtocolSamples.ipv4(4, datagram) }
    let line = printed([Captured(PacketBuilder.frame(0x0800, datagram))], PacketPrinter(.text(TextOptions(["-t"]))))
    #expect(line.hasSuffix("[more packets within]\n"))
  }
}
