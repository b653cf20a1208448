import ByteReading

/// The options of a TCP header one by one, for printers with rules of their own. Ends at the end-of-list option, at the
/// end of the header or of what was captured, or at a length that cannot be.
struct TCPOptionList {
  struct Option {
    let kind: UInt8
    /// Where the kind byte lies in the frame.
    let offset: Int
    /// In bytes, with kind and length; within the header and what was captured.
    let length: Int

    var valueOffset: Int { offset + 2 }
    var valueLength: Int { max(0, length - 2) }
  }

  enum Flaw: Hashable {
    case none
    /// A length of 0 or 1, or one that runs out of the header.
    case badLength
    case truncated
  }

  private(set) var flaw = Flaw.none
  private var offset: Int
  private let end: Int

  init(_ packet: Packet) {
    offset = packet.tcp.optionsOffset
    end = packet.end == .tcp ? offset + packet.tcp.optionsLength : offset
  }

  /// - Parameter datagram: the frame up to the end of what was captured of the datagram.
  mutating func next(in datagram: RawSpan) -> Option? {
    guard offset < end else { return nil }
    guard let kind = try? datagram.read(UInt8.self, at: offset) else { return stop(.truncated) }
    let start = offset
    if kind == TCPOptionKind.noOperation || kind == TCPOptionKind.endOfList {
      offset = kind == TCPOptionKind.endOfList ? end : start + 1
      return Option(kind: kind, offset: start, length: 1)
    }
    guard end - start >= 2 else { return stop(.badLength) }
    guard let byte = try? datagram.read(UInt8.self, at: start + 1) else { return stop(.truncated) }
    let length = Int(byte)
    guard length >= 2, length <= end - start else { return stop(.badLength) }
    guard length <= datagram.byteCount - start else { return stop(.truncated) }
    offset = start + length
    return Option(kind: kind, offset: start, length: length)
  }

  private mutating func stop(_ flaw: Flaw) -> Option? {
    self.flaw = flaw
    offset = end
    return nil
  }
}
