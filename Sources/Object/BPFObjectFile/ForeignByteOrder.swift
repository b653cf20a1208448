import BPFTypes
import ByteReading

/// Turns the sections of big-endian objects around, as they are read, so that nothing behind has to know of them. What
/// variables begin as stays as it is, since only its types could tell.
enum ForeignByteOrder {
  static func swapped(_ bytes: [UInt8], ofSection name: String, isCode: Bool) -> [UInt8] {
    switch name {
    case _ where isCode: instructions(bytes)
    case ".BTF": types(bytes)
    case ".BTF.ext": words(bytes, in: 4..<max(4, bytes.count), halves: [0])
    case "maps", "version": words(bytes, in: 0..<bytes.count)
    case _ where name.hasPrefix("maps/"): words(bytes, in: 0..<bytes.count)
    default: bytes
    }
  }

  /// Opcode, two registers in one byte, offset, immediate.
  private static func instructions(_ bytes: [UInt8]) -> [UInt8] {
    var bytes = bytes
    for start in stride(from: 0, to: bytes.count - bytes.count % 8, by: 8) {
      bytes[start + 1] = bytes[start + 1] >> 4 | bytes[start + 1] << 4
      bytes.swapAt(start + 2, start + 3)
      bytes[start + 4..<start + 8].reverse()
    }
    return bytes
  }

  /// The header and the types are words but for the magic number; the strings are none.
  private static func types(_ bytes: [UInt8]) -> [UInt8] {
    var swapped = words(bytes, in: 4..<max(4, min(24, bytes.count)), halves: [0])
    guard let length = try? swapped.read(UInt32.self, at: 4), let start = try? swapped.read(UInt32.self, at: 8),
      let count = try? swapped.read(UInt32.self, at: 12)
    else { return swapped }
    // All are below 2^32, so the sums cannot overflow.
    let begin = min(Int(length) + Int(start), bytes.count)
    if length > 24 { swapped = words(swapped, in: 24..<max(24, min(Int(length), bytes.count))) }
    return words(swapped, in: begin..<min(begin + Int(count), bytes.count))
  }

  private static func words(_ bytes: [UInt8], in range: Range<Int>, halves: [Int] = []) -> [UInt8] {
    var bytes = bytes
    for start in halves where start + 1 < bytes.count { bytes.swapAt(start, start + 1) }
    for start in stride(from: range.lowerBound, to: range.upperBound - 3, by: 4) {
      bytes[start..<start + 4].reverse()
    }
    return bytes
  }
}
