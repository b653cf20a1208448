import CaptureEvents
import Testing

@Suite struct PacketHeadersTests {
  @Test func showsEachFieldOnALine() {
    let builder = PacketSamples.with {
      $0.source = 443
      $0.destination = 53500
      $0.flags = 0x12
      $0.options = [2, 4, 5, 180, 4, 2, 1, 1]
    }
    let frame = PacketBuilder.frame(0x8100, PacketBuilder.tag(0x2064, 0x0800, builder.ipv4(fragment: 0x4000)))
    let sum = PacketBuilder.sum(Array(frame[18..<38].prefix(10) + frame[30..<38]))
    #expect(
      printed([Captured(frame)], PacketPrinter(.headers)) == """
        Captured TCP Header
        Packet: 1
        Time: 2023-11-14 22:13:20.123456
        Interface: eth0
        Direction: in
        Frame Length: 66
        Captured Length: 66
        Source MAC: 02:00:00:00:00:01
        Destination MAC: 02:00:00:00:00:02
        VLAN: 100 (priority 1)
        EtherType: 0x0800 (IPv4)
        IP Version: 4
        Source Address: 10.0.0.1
        Destination Address: 10.0.0.2
        Protocol: 6 (TCP)
        Header Length: 20
        Total Length: 48
        TTL: 64
        Type of Service: 0x00
        Identification: 1234
        Fragment Flags: DF
        Fragment Offset: 0
        Header Checksum: 0x\(hex(sum)) (correct)
        Source Port: 443
        Destination Port: 53500
        Sequence Number: 1000
        Acknowledgment Number: 2000
        Data Offset: 7 (28 bytes)
        Flags: 0x012 (SYN, ACK)
        Window Size: 512
        Checksum: 0x\(hex(UInt16(frame[54]) << 8 | UInt16(frame[55]))) (correct)
        Urgent Pointer: 7
        Options: mss 1460,sackOK,nop,nop
        Data Length: 0


        """)
  }

  private func hex(_ value: UInt16) -> String { String(String(0x10000 + UInt32(value), radix: 16).dropFirst()) }

  @Test(arguments: [
    (10, "link header not captured whole"), (20, "IP header not captured whole"),
    (35, "TCP header not captured whole"), (45, "TCP header not captured whole"),
  ])
  func saysWhatIsMissing(count: Int, flaw: String) {
    let text = printed([Captured(PacketBuilder().frame4, cutTo: count)], PacketPrinter(.headers))
    #expect(
      text.hasPrefix(
        count > 33 ? "Captured TCP Header\n" : count > 13 ? "Captured IPv4 Header\n" : "Captured Link Header\n"))
    #expect(text.hasSuffix("Malformed: \(flaw)\n\n"))
    #expect(text.contains("Source Port: 1111") == (count == 45))
    #expect(!text.contains("Sequence Number"))
  }

  @Test func showsTheFieldsOfUDP() {
    func text(_ datagram: [UInt8]) -> String {
      printed([Captured(PacketBuilder.frame(0x0800, datagram))], PacketPrinter(.headers))
    }
    let whole = text(ProtocolSamples.ipv4(17, ProtocolSamples.udp(53, 4000, count: 20)))
    #expect(whole.hasPrefix("Captured UDP Header\n"))
    #expect(whole.contains("\nSource Port: 53\nDestination Port: 4000\nLength: 28\nChecksum: 0x"))
    #expect(whole.hasSuffix(" (correct)\n\n"))
    let wrong = text(ProtocolSamples.ipv4(17, ProtocolSamples.udp(53, 4000, count: 20, checksum: 1)))
    #expect(wrong.contains("Checksum: 0x0001 (incorrect, should be 0x"))
    #expect(
      text(ProtocolSamples.ipv4(17, ProtocolSamples.udp(53, 4000, count: 2, checksum: 0))).contains("0x0000 (none)"))
    let long = text(ProtocolSamples.ipv4(17, ProtocolSamples.udp(53, 4000, count: 2, length: 99)))
    #expect(long.hasSuffix("(not verified)\nMalformed: UDP length beyond the datagram\n\n"))
    #expect(text(ProtocolSamples.ipv4(17, [0, 53, 0])).hasSuffix("Malformed: UDP header not captured whole\n\n"))
  }

  @Test func showsTheFieldsOfOtherLinks() throws {
    for (type, expected) in [
      (LinkType.null, "Address Family: 2 (IPv4)\nIP Version: 4\n"),
      (
        .linuxSLL,
        "Packet Type: to this host\nHardware Type: 1\nSource MAC: 02:00:00:00:00:09\nEtherType: 0x0800 (IPv4)\n"
      ),
      (
        .linuxSLL2,
        "Packet Type: to this host\nInterface Index: 16777214\nHardware Type: 1\nSource MAC: 02:00:00:00:00:09\n"
      ),
      (.raw, "Captured Length: 40\nIP Version: 4\n"),
    ] {
      let frame = try #require(ProtocolSamples.otherLinks.first { $0.type == type }?.frames.first)
      let text = printed([Captured(frame, linkType: type)], PacketPrinter(.headers))
      #expect(text.hasPrefix("Captured TCP Header\n") && text.contains(expected), "\(text)")
    }
    let spanningTree = Captured(PacketBuilder.frame(38, [0x42, 0x42, 3] + PacketSamples.numbers))
    #expect(
      printed([spanningTree], PacketPrinter(.headers)).hasSuffix(
        "Length: 38\nLLC Destination: 0x42\nLLC Source: 0x42\nLLC Control: 0x03\n\n"))
  }

  @Test func saysWhatIsNotThere() {
    let fragment = PacketBuilder.frame(0x0800, PacketBuilder().ipv4(fragment: 9))
    #expect(printed([Captured(fragment)], PacketPrinter(.headers)).contains("Note: a later fragment"))
    let short = PacketBuilder.frame(0x0800, PacketBuilder().ipv4(length: 100))
    #expect(printed([Captured(short)], PacketPrinter(.headers)).contains("Missing: 60 bytes"))
  }

  @Test func coloursFlagsAndFlawsOnlyWhenAsked() {
    var options = TextOptions(["-t"])
    let frames = [0x02, 0x11, 0x14, 0x10].map { flags in PacketSamples.with { $0.flags = flags }.frame4 }
    let plain = printed(frames.map { Captured($0) }, PacketPrinter(.text(options)))
    #expect(!plain.contains("\u{1b}"))
    options.usesColour = true
    let coloured = printed(frames.map { Captured($0) }, PacketPrinter(.text(options)))
    #expect(coloured.contains("[\u{1b}[32mS\u{1b}[0m]"))
    #expect(coloured.contains("[\u{1b}[33mF.\u{1b}[0m]"))
    #expect(coloured.contains("[\u{1b}[31mR.\u{1b}[0m]"))
    #expect(coloured.replacing(/\u{1b}\[[0-9]*m/, with: "") == plain)
  }
}
