/// A capture file made by hand, in either order.
struct FileBytes {
  let isBigEndian: Bool
  var bytes: [UInt8] = []

  init(bigEndian: Bool) { isBigEndian = bigEndian }

  mutating func add<T: FixedWidthInteger>(_ value: T) {
    let ordered = isBigEndian ? value.byteSwapped : value
    for byte in 0..<T.bitWidth / 8 { bytes.append(UInt8(truncatingIfNeeded: ordered >> T(8 * byte))) }
  }

  mutating func add(words: [UInt32]) { for word in words { add(word) } }

  /// The head of a classic file.
  mutating func pcapHead(
    magic: UInt32 = 0xa1b2_c3d4, major: UInt16 = 2, minor: UInt16 = 4, snapLength: UInt32 = 262_144, network: UInt32 = 1
  ) {
    add(magic)
    add(major)
    add(minor)
    add(words: [0, 0, snapLength, network])
  }

  mutating func record(
    _ seconds: UInt32, _ fraction: UInt32, _ packet: [UInt8], captured: UInt32? = nil, original: UInt32
  ) {
    add(words: [seconds, fraction, captured ?? UInt32(packet.count), original])
    bytes += packet
  }

  /// A block of pcapng around what `body` adds.
  mutating func block(
    _ type: UInt32, length: UInt32? = nil, trailing: UInt32? = nil, _ body: (inout FileBytes) -> Void
  ) {
    var inner = FileBytes(bigEndian: isBigEndian)
    body(&inner)
    let actual = UInt32(inner.bytes.count + 12)
    add(words: [type, length ?? actual])
    bytes += inner.bytes
    add(trailing ?? length ?? actual)
  }

  mutating func option(_ code: UInt16, _ value: [UInt8], length: UInt16? = nil) {
    add(code)
    add(length ?? UInt16(value.count))
    padded(value)
  }

  mutating func padded(_ value: [UInt8]) {
    bytes += value + [UInt8](repeating: 0, count: (4 - value.count % 4) % 4)
  }

  mutating func sectionHeader(
    magic: UInt32 = 0x1a2b_3c4d, major: UInt16 = 1, minor: UInt16 = 0, application: String? = nil
  ) {
    block(0x0a0d_0d0a) { body in
      body.add(magic)
      body.add(major)
      body.add(minor)
      body.add(UInt64.max)
      if let application {
        body.option(4, Array(application.utf8))
        body.option(0, [])
      }
    }
  }

  mutating func interface(linkType: UInt16 = 1, snapLength: UInt32 = 0, _ options: (inout FileBytes) -> Void = { _ in })
  {
    block(1) { body in
      body.add(linkType)
      body.add(0 as UInt16)
      body.add(snapLength)
      options(&body)
    }
  }

  mutating func enhancedPacket(
    interface: UInt32 = 0, ticks: UInt64 = 0, _ packet: [UInt8], captured: UInt32? = nil, original: UInt32? = nil,
    _ options: (inout FileBytes) -> Void = { _ in }
  ) {
    block(6) { body in
      body.add(words: [interface, UInt32(ticks >> 32), UInt32(truncatingIfNeeded: ticks)])
      body.add(words: [captured ?? UInt32(packet.count), original ?? UInt32(packet.count)])
      body.padded(packet)
      options(&body)
    }
  }
}
