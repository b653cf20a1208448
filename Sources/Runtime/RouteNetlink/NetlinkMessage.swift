internal import ByteReading

/// A netlink request under construction: `struct nlmsghdr`, a fixed part, and attributes, each padded to 4 bytes.
///
///     0         4      6       8          12       16
///     | length  | type | flags | sequence | sender | fixed part, attributes ...
///
/// An attribute is its length and type (2 bytes each) and its payload, which may be attributes again.
struct NetlinkRequest {
  private(set) var bytes: [UInt8]

  init(type: UInt16, flags: UInt16, fixed: [UInt8]) {
    bytes = [UInt8](repeating: 0, count: NetlinkMessage.headerByteCount)
    set(type, at: 4)
    set(flags, at: 6)
    bytes += fixed
    pad()
  }

  /// The request with its length and number filled in.
  func finished(sequence: UInt32) -> [UInt8] {
    var request = self
    request.set(UInt32(bytes.count), at: 0)
    request.set(sequence, at: 8)
    return request.bytes
  }

  mutating func addFlags(_ flags: UInt16) {
    set(flags | UInt16(bytes[6]) | UInt16(bytes[7]) << 8, at: 6)
  }

  mutating func append(_ type: UInt16, _ payload: [UInt8]) {
    append(UInt16(4 + payload.count))
    append(type)
    bytes += payload
    pad()
  }

  mutating func append<T: FixedWidthInteger>(_ type: UInt16, _ value: T) { append(type, Self.bytes(of: value)) }

  mutating func append(_ type: UInt16, string: String) { append(type, Array(string.utf8) + [0]) }

  /// An attribute whose payload is what `body` appends.
  mutating func appendNested(_ type: UInt16, _ body: (inout NetlinkRequest) -> Void) {
    let start = bytes.count
    append(UInt16(0))
    append(type | 1 << 15)
    body(&self)
    set(UInt16(bytes.count - start), at: start)
  }

  /// Bytes that stand before nested attributes, such as the `struct ifinfomsg` of a veth's peer.
  mutating func appendRaw(_ raw: [UInt8]) { bytes += raw }

  static func bytes<T: FixedWidthInteger>(of value: T) -> [UInt8] {
    (0..<T.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
  }

  private mutating func append(_ value: UInt16) { bytes += Self.bytes(of: value) }
  private mutating func pad() { while bytes.count % 4 != 0 { bytes.append(0) } }
  private mutating func set<T: FixedWidthInteger>(_ value: T, at offset: Int) {
    bytes.replaceSubrange(offset..<offset + T.bitWidth / 8, with: Self.bytes(of: value))
  }
}

/// A message of the kernel's: type, flags, sequence number and payload.
struct NetlinkMessage {
  static let headerByteCount = 16

  let type: UInt16
  let flags: UInt16
  let sequence: UInt32
  let payload: [UInt8]

  /// The messages of a datagram. One whose length does not hold ends the list.
  static func messages(in datagram: [UInt8]) -> [NetlinkMessage] {
    var messages: [NetlinkMessage] = []
    var offset = 0
    while let length = try? datagram.read(UInt32.self, at: offset), length >= headerByteCount,
      Int(length) <= datagram.count - offset, let type = try? datagram.read(UInt16.self, at: offset + 4),
      let flags = try? datagram.read(UInt16.self, at: offset + 6),
      let sequence = try? datagram.read(UInt32.self, at: offset + 8)
    {
      messages.append(
        NetlinkMessage(
          type: type, flags: flags, sequence: sequence,
          payload: Array(datagram[offset + headerByteCount..<offset + Int(length)])))
      offset += (Int(length) + 3) & ~3
    }
    return messages
  }

  /// The attributes behind the first `fixedByteCount` bytes of the payload.
  func attributes(behind fixedByteCount: Int) -> [UInt16: [UInt8]] {
    NetlinkAttributes.read(payload, from: fixedByteCount)
  }
}

enum NetlinkAttributes {
  /// Attributes by type, the last of each; one whose length does not hold ends the list.
  static func read(_ bytes: [UInt8], from start: Int = 0) -> [UInt16: [UInt8]] {
    Dictionary(list(bytes, from: start), uniquingKeysWith: { _, last in last })
  }

  static func list(_ bytes: [UInt8], from start: Int = 0) -> [(UInt16, [UInt8])] {
    var attributes: [(UInt16, [UInt8])] = []
    var offset = start
    while let length = try? bytes.read(UInt16.self, at: offset), length >= 4, Int(length) <= bytes.count - offset,
      let type = try? bytes.read(UInt16.self, at: offset + 2)
    {
      // The two upper bits say how the payload is written.
      attributes.append((type & 0x3fff, Array(bytes[offset + 4..<offset + Int(length)])))
      offset += (Int(length) + 3) & ~3
    }
    return attributes
  }
}

extension [UInt8] {
  func word(at offset: Int = 0) -> UInt32? { try? read(UInt32.self, at: offset) }
  /// A string that the kernel ended with a NUL.
  var netlinkString: String { String(decoding: prefix { $0 != 0 }, as: UTF8.self) }
}
