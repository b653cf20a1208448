import ByteReading

/// One header between IP's and the transport's: hop-by-hop and destination options, routing, fragment, AH.
struct ExtensionHeader {
  /// As many as any real datagram has, several times over; each is at least 8 bytes long, so a chain ends in any case.
  static let limit = 64

  /// Bytes from the start of the frame.
  let offset: Int
  /// In bytes, at least 8.
  let length: Int
  /// The protocol number of what follows.
  let next: UInt8

  static func isKnown(_ kind: UInt8) -> Bool {
    switch kind {
    case IPProtocol.hopByHopOptions, IPProtocol.routing, IPProtocol.fragment, IPProtocol.authentication,
      IPProtocol.destinationOptions:
      true
    default: false
    }
  }

  /// Nil where the header does not lie in the datagram whole.
  init?(kind: UInt8, in datagram: RawSpan, at offset: Int) {
    guard let next = try? datagram.read(UInt8.self, at: offset),
      let count = try? datagram.read(UInt8.self, at: offset + 1)
    else { return nil }
    self.offset = offset
    self.next = next
    switch kind {
    // RFC 8200, 4.5: a fixed header; the second byte is reserved.
    case IPProtocol.fragment: length = 8
    // RFC 4302, 2.2: in words of 4 bytes, minus 2.
    case IPProtocol.authentication: length = (Int(count) + 2) * 4
    // RFC 8200, 4.3: in units of 8 bytes, without the first.
    default: length = (Int(count) + 1) * 8
    }
    guard length <= datagram.byteCount - offset else { return nil }
  }

  /// Where a routing header keeps the address of the last destination, over which the transport's checksum counts;
  /// 0 if it has none. Types 0 and 2 list the hops in order (RFC 2460, 6275), type 4 in reverse (RFC 8754).
  func finalDestinationOffset(in datagram: RawSpan) -> Int {
    let segments = (length - 8) / 16
    guard segments > 0, (length - 8) % 16 == 0, let type = try? datagram.read(UInt8.self, at: offset + 2) else {
      return 0
    }
    return switch type {
    case 0, 2: offset + 8 + (segments - 1) * 16
    case 4: offset + 8
    default: 0
    }
  }

  /// What the Jumbo Payload option (RFC 2675) of a hop-by-hop header says; 0 where there is none that is valid.
  static func jumboLength(in datagram: RawSpan, at offset: Int) -> Int {
    guard let header = ExtensionHeader(kind: IPProtocol.hopByHopOptions, in: datagram, at: offset) else { return 0 }
    var at = offset + 2
    let end = offset + header.length
    while at < end, let kind = try? datagram.read(UInt8.self, at: at) {
      guard kind != 0 else {
        at += 1
        continue
      }
      guard let length = try? datagram.read(UInt8.self, at: at + 1), Int(length) <= end - at - 2 else { return 0 }
      if kind == jumboPayload, length == 4, let value = try? datagram.readBigEndian(UInt32.self, at: at + 2) {
        return value > 0xffff ? Int(value) : 0
      }
      at += 2 + Int(length)
    }
    return 0
  }

  // Option types of hop-by-hop and destination options.
  static let routerAlert: UInt8 = 0x05
  static let jumboPayload: UInt8 = 0xc2
  static let homeAddress: UInt8 = 0xc9
}
