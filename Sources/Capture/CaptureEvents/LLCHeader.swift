import ByteReading

/// A logical link control header (IEEE 802.2, 3).
///
///     0             1        2         3 or 4
///     | destination | source | control | payload; with both SNAP: organization (3 bytes), type (2 bytes)
struct LLCHeader {
  static let ip: UInt8 = 0x06
  static let spanningTree: UInt8 = 0x42
  static let snap: UInt8 = 0xaa
  static let ipx: UInt8 = 0xe0
  static let netBEUI: UInt8 = 0xf0
  static let osi: UInt8 = 0xfe

  static let cisco: UInt32 = 0x00000c
  /// Organizations whose SNAP types are Ethernet's.
  static func hasEtherTypes(_ organization: UInt32) -> Bool { organization == 0 || organization == 0x0000f8 }

  /// Service access points as they are in the header: the lowest bit is no part of them.
  let destination: UInt8
  let source: UInt8
  /// One byte for unnumbered frames; else two, the lower first.
  let control: UInt16
  let length: Int

  var isUnnumbered: Bool { control & 3 == 3 }
  var destinationPoint: UInt8 { destination & 0xfe }
  var sourcePoint: UInt8 { source & 0xfe }

  /// IPX without LLC: what looks like service access points is the checksum that nobody computed.
  var isIPX: Bool { destination == 0xff && source == 0xff }
  var isIP: Bool { isInformation(Self.ip) }
  var isSNAP: Bool { isInformation(Self.snap) }

  /// Unnumbered information between two equal service access points.
  func isInformation(_ point: UInt8) -> Bool {
    destinationPoint == point && sourcePoint == point && control == 3
  }

  /// Nil where it was not captured whole.
  init?(_ frame: RawSpan, at offset: Int) {
    guard let destination = try? frame.read(UInt8.self, at: offset),
      let source = try? frame.read(UInt8.self, at: offset + 1),
      let low = try? frame.read(UInt8.self, at: offset + 2)
    else { return nil }
    self.destination = destination
    self.source = source
    guard low & 3 != 3 else {
      control = UInt16(low)
      length = 3
      return
    }
    guard let high = try? frame.read(UInt8.self, at: offset + 3) else { return nil }
    control = UInt16(high) << 8 | UInt16(low)
    length = 4
  }
}
