import CaptureEvents
import Testing

/// ICMP, ICMPv6 and ARP as blocks of named fields.
@Suite struct ICMPHeadersTests {
  private func block(_ frame: [UInt8], cutTo count: Int = .max) -> String {
    printed([Captured(frame, cutTo: count)], PacketPrinter(.headers))
  }

  @Test func showsAnErrorAndWhatItQuotes() {
    let quoted = PacketBuilder().ipv4(protocolNumber: 17, payload: ICMPSamples.udp())
    let text = block(ICMPSamples.frame(ICMPSamples.message(3, 4, [0, 0, 5, 0x14] + quoted)))
    for line in [
      "Type: 3 (destination unreachable)", "Code: 4", "Next-Hop MTU: 1300", "Message Length: 40",
      "Quoted Source Address: 10.0.0.1", "Quoted Destination Address: 10.0.0.2", "Quoted Protocol: 17 (UDP)",
      "Quoted Source Port: 5001", "Quoted Destination Port: 33434",
    ] {
      #expect(text.contains("\n\(line)\n"), "\(line)")
    }
    #expect(text.contains(/\nChecksum: 0x[0-9a-f]{4} \(correct\)\n/))
  }

  @Test func showsEchoAndNeighbours() {
    let echo = block(ICMPSamples.frame(ICMPSamples.message(8, 0, [0, 7, 0, 9])))
    #expect(echo.contains("\nIdentifier: 7\nSequence Number: 9\nMessage Length: 8\n"))
    let solicitation = ICMPv6Samples.message(135, 0, [0, 0, 0, 0] + ICMPv6Samples.address + ICMPv6Samples.options[0])
    let text = block(ICMPv6Samples.frame(solicitation))
    #expect(text.contains("\nType: 135 (neighbor solicitation)\nCode: 0\n"))
    #expect(text.contains("\nTarget Address: fe80::200:ff:fe00:1\nSource Link-Layer Address: 02:00:00:00:00:01\n"))
    let cut = block(ICMPv6Samples.frame(solicitation), cutTo: 66)
    #expect(cut.contains("\nMalformed: ICMPv6 message not captured whole\n"))
  }

  @Test func showsAddressResolution() {
    let text = block(PacketBuilder.frame(0x0806, ARPSamples.packet(1, ARPSamples.addresses())))
    #expect(
      text.contains(
        """

        Hardware Type: 1 (Ethernet)
        Protocol Type: 0x0800 (IPv4)
        Hardware Address Length: 6
        Protocol Address Length: 4
        Operation: 1 (Request)
        Sender MAC: 02:00:00:00:00:01
        Sender Address: 10.0.0.1
        Target MAC: 00:00:00:00:00:00
        Target Address: 10.0.0.2

        """))
  }
}
