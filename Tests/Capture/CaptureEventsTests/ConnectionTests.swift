import CaptureEvents
import SeededRandom
import Testing

/// Numbers relative to where a connection was first seen.
@Suite struct ConnectionTests {
  private func segment(port: UInt16, sequence: UInt32, isReply: Bool = false) -> Captured {
    Captured(
      PacketSamples.with {
        $0.source = isReply ? 80 : port
        $0.destination = isReply ? port : 80
        $0.isReply = isReply
        $0.sequence = sequence
        $0.data = [1]
      }.frame4)
  }

  private func sequenceNumbers(_ packets: [Captured], capacity: Int) -> [String] {
    printed(packets, PacketPrinter(.text(TextOptions(["-t"])), connectionCapacity: capacity))
      .split(separator: "\n").map { line in String(line.firstMatch(of: /seq ([0-9]+):/)?.1 ?? "none") }
  }

  @Test func forgetsTheConnectionThatWasSilentLongest() {
    let packets = [
      segment(port: 1, sequence: 1000), segment(port: 2, sequence: 2000), segment(port: 3, sequence: 3000),
      // 1 speaks again, so the fourth connection takes the place of 2.
      segment(port: 1, sequence: 1005), segment(port: 4, sequence: 4000),
      segment(port: 1, sequence: 1010), segment(port: 3, sequence: 3010), segment(port: 2, sequence: 2010),
      segment(port: 4, sequence: 4010),
    ]
    #expect(
      sequenceNumbers(packets, capacity: 3)
        == ["1000", "2000", "3000", "5", "4000", "10", "10", "2010", "4010"])
    #expect(
      sequenceNumbers(packets, capacity: 4)
        == ["1000", "2000", "3000", "5", "4000", "10", "10", "10", "10"])
  }

  @Test(arguments: [1, 2, 7, 64, 65, 1000]) func remembersExactlyAsManyAsItMay(capacity: Int) {
    let ports = (1...UInt16(capacity)).map { $0 + 1000 }
    let first = ports.map { segment(port: $0, sequence: 500) }
    let again = ports.map { segment(port: $0, sequence: 501) }
    let numbers = sequenceNumbers(first + again, capacity: capacity)
    #expect(numbers == ports.map { _ in "500" } + ports.map { _ in "1" })
    // One more than that, each time round: every one is forgotten before it speaks again.
    guard capacity > 1 else { return }
    #expect(sequenceNumbers(first + again, capacity: capacity - 1).allSatisfy { $0.count == 3 })
  }

  @Test func isBoundedWhenOneMomentHasManyConnections() {
    var random = SeededGenerator(seed: 8)
    var printer = PacketPrinter(.text(TextOptions()), connectionCapacity: 100)
    var out = OutputBuffer()
    for _ in 0..<20_000 {
      out.removeAll()
      print(segment(port: UInt16.random(in: 1...300, using: &random), sequence: 1), &printer, into: &out)
    }
    #expect(printer.count == 20_000)
  }

  /// Thousands of connections in both families, each direction at random, as tcpdump counts them.
  @Test func countsAsTcpdumpDoes() throws {
    var random = SeededGenerator(seed: 9)
    let packets = (0..<20_000).map { _ in
      let builder = PacketSamples.with {
        let port = UInt16.random(in: 30_001...33_000, using: &random)
        $0.isReply = Bool.random(using: &random)
        $0.source = $0.isReply ? 40_000 : port
        $0.destination = $0.isReply ? port : 40_000
        $0.flags = [0x10, 0x10, 0x10, 0x18, 0x11, 0x14, 0x04, 0x02, 0x12].randomElement(using: &random)!
        $0.sequence = UInt32.random(in: 0...UInt32.max, using: &random)
        $0.acknowledgment = UInt32.random(in: 0...UInt32.max, using: &random)
        $0.options = Bool.random(using: &random) ? [] : [1, 1, 5, 10, 1, 2, 3, 4, 5, 6, 7, 8]
        $0.data = Bool.random(using: &random) ? [] : [1, 2, 3]
      }
      return Captured(Bool.random(using: &random) ? builder.frame4 : builder.frame6)
    }
    try TcpdumpComparisonTests().compare(packets, ["-t"])
    try TcpdumpComparisonTests().compare(packets, ["-t", "-S"])
  }
}
