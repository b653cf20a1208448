import CaptureEvents
import Foundation
import SeededRandom
import Testing

@Suite struct OutputBufferTests {
  private static let numbers: [UInt64] = {
    var numbers: [UInt64] = [0, .max, UInt64(UInt32.max), UInt64(UInt32.max) + 1]
    var power: UInt64 = 1
    for _ in 0..<19 {
      numbers += [power - 1, power, power + 1, power * 5 + 7]
      power *= 10
    }
    return numbers
  }()

  @Test(arguments: numbers) func writesNumbersAsTheStandardLibraryDoes(number: UInt64) {
    var out = OutputBuffer()
    out.appendDecimal(number)
    out.append(" ")
    out.appendHex(number)
    out.append(" ")
    out.appendDecimal(Int(truncatingIfNeeded: number))
    out.append(" ")
    out.appendDecimal(UInt32(truncatingIfNeeded: number))
    out.append(" ")
    out.appendDecimal(UInt16(truncatingIfNeeded: number))
    out.append(" ")
    out.appendDecimal(UInt8(truncatingIfNeeded: number))
    #expect(
      out.text
        == [
          String(number), String(number, radix: 16), String(Int(truncatingIfNeeded: number)),
          String(UInt32(truncatingIfNeeded: number)), String(UInt16(truncatingIfNeeded: number)),
          String(UInt8(truncatingIfNeeded: number)),
        ].joined(separator: " "))
  }

  @Test func padsToAWidth() {
    var out = OutputBuffer()
    out.appendDecimal(42, width: 6)
    out.appendHex(0xab, width: 4)
    out.appendDecimal(1_234_567, width: 6)
    #expect(out.text == "00004200ab234567")
  }

  @Test func growsWithItsContent() {
    var out = OutputBuffer(capacity: 0)
    var expected = ""
    for number in 0..<5_000 {
      out.appendDecimal(number)
      out.append(", ")
      expected += "\(number), "
    }
    #expect(out.text == expected)
    out.truncate(to: 3)
    #expect(out.text == "0, ")
    out.removeAll()
    #expect(out.count == 0)
    #expect(out.text.isEmpty)
  }

  /// inet_ntop(3) follows RFC 5952.
  @Test func writesIPv6AddressesAsTheSystemDoes() {
    var random = SeededGenerator(seed: 7)
    for _ in 0..<20_000 {
      // Groups of zeros in all arrangements, with and without an IPv4 address at the end.
      let bytes = (0..<8).flatMap { _ in
        [0, 0, 1, 0x2001, 0xffff, UInt16.random(in: 0...UInt16.max, using: &random)].randomElement(using: &random)!
          .bigEndianBytes
      }
      var text = [CChar](repeating: 0, count: 64)
      _ = unsafe inet_ntop(AF_INET6, bytes, &text, 64)
      let expected = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      var out = OutputBuffer()
      func half(_ part: ArraySlice<UInt8>) -> UInt64 { part.reduce(0) { $0 << 8 | UInt64($1) } }
      out.appendIPv6(high: half(bytes[..<8]), low: half(bytes[8...]))
      #expect(out.text == expected)
    }
  }
}
