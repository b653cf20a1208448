import BPFTypes
import ByteReading

/// Turns the sections of big-endian objects around, as they are read, so that nothing behind has to know of them. What
/// variables begin as stays as it is, since only its types could tell.
enum ForeignByteOrder {
  static func swapped(_ bytes: [UInt8], ofSection name: String, isCode: Bool) -> [UInt8] {
    switch name {
    case _ where isCode: instructions(bytes)
    case ".BTF": types(bytes)
    case ".BTF.ext": words(bytes, from: 4, halves: [0])
    case "maps", "version": words(bytes)
    case _ where name.hasPrefix("maps/"): words(bytes)
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
    var swapped = words(bytes, from: 4, to: 24, halves: [0])
    guard let length = try? swapped.read(UInt32.self, at: 4), let start = try? swapped.read(UInt32.self, at: 8),
      let count = try? swapped.read(UInt32.self, at: 12)
    else { return swapped }
    // All are below 2^32, so the sums cannot overflow.
    let begin = Int(length) + Int(start)
    swapped = words(swapped, from: 24, to: Int(length))
    return words(swapped, from: begin, to: begin + Int(count))
  }

  /// The words between two offsets, as far as the bytes go.
  private static func words(
    _ bytes: [UInt8], from start: Int = 0, to end: Int = .max, halves: [Int] = []
  ) -> [UInt8] {
    var bytes = bytes
    for place in halves where place + 1 < bytes.count { bytes.swapAt(place, place + 1) }
    for place in stride(from: start, to: min(end, bytes.count) - 3, by: 4) { bytes[place..<place + 4].reverse() }
    return bytes
  }
}
