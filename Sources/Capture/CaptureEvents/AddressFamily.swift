import ByteReading

/// The address family before a packet of BSD's loopback interface (LINKTYPE_NULL, LINKTYPE_LOOP).
struct AddressFamily: RawRepresentable, Equatable {
  let rawValue: UInt32

  static let ipv4 = AddressFamily(rawValue: 2)
  /// Every BSD has a number of its own: this stands for all of them.
  static let ipv6 = AddressFamily(rawValue: 24)

  init(rawValue: UInt32) { self.rawValue = rawValue }

  /// In the writer's byte order, which families' small numbers tell: the host's where it cannot be another.
  init(_ frame: RawSpan) throws(TruncatedError) {
    let value = try frame.read(UInt32.self, at: 0)
    rawValue = value & 0xffff_0000 == 0 ? value : value.byteSwapped
  }

  static func == (left: Self, right: Self) -> Bool { left.canonical == right.canonical }

  private var canonical: UInt32 { rawValue == 28 || rawValue == 30 ? 24 : rawValue }

  /// tcpdump's.
  var name: StaticString? {
    switch canonical {
    case 2: "IPv4"
    case 6: "NS"
    case 7: "ISO"
    case 16: "Appletalk"
    case 23: "IPX"
    case 24: "IPv6"
    default: nil
    }
  }

  /// tcpdump dissects what follows; ours names it.
  var isDissected: Bool { canonical == 7 || canonical == 16 || canonical == 23 }
}
