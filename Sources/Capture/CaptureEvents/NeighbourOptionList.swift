import ByteReading

/// The options of a message of neighbour discovery, one after the other, for formats other than tcpdump's line.
struct NeighbourOptionList {
  struct Option {
    let type: UInt8
    /// Where it begins, in bytes from the start of the frame.
    let offset: Int
    /// In bytes, a multiple of 8.
    let length: Int
  }

  /// What ended the list before its end.
  private(set) var flaw: StaticString?
  private var at: Int

  /// - Parameter offset: where the options begin.
  init(at offset: Int) { at = offset }

  mutating func next(in datagram: RawSpan) -> Option? {
    guard at < datagram.byteCount, flaw == nil else { return nil }
    guard let type = try? datagram.read(UInt8.self, at: at), let count = try? datagram.read(UInt8.self, at: at + 1),
      Int(count) * 8 <= datagram.byteCount - at
    else {
      flaw = "ICMPv6 option not captured whole"
      return nil
    }
    guard count > 0 else {
      flaw = "ICMPv6 option of length 0"
      return nil
    }
    defer { at += Int(count) * 8 }
    return Option(type: type, offset: at, length: Int(count) * 8)
  }
}
