import CaptureEvents

/// Builds frames from the inside out; every field can be made wrong.
struct PacketBuilder {
  static let ethernet: [UInt8] = [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1]

  var source: UInt16 = 1111
  var destination: UInt16 = 2222
  var sequence: UInt32 = 1000
  var acknowledgment: UInt32 = 2000
  /// The low twelve bits beside the data offset.
  var flags: UInt16 = 0x10
  var window: UInt16 = 512
  var checksum: UInt16?
  var urgent: UInt16 = 7
  var options: [UInt8] = []
  var data: [UInt8] = []
  /// In words; by default what the options need.
  var dataOffset: Int?
  /// The packet goes from the second address to the first.
  var isReply = false

  /// `checksum` nil leaves the field for `ipv4` and `ipv6` to fill, so that it is right.
  var segment: [UInt8] {
    var bytes: [UInt8] = []
    let padded = options + Array(repeating: 0, count: (4 - options.count % 4) % 4)
    bytes.append(bigEndian: source)
    bytes.append(bigEndian: destination)
    bytes.append(bigEndian: sequence)
    bytes.append(bigEndian: acknowledgment)
    let words = UInt16(truncatingIfNeeded: dataOffset ?? 5 + padded.count / 4)
    bytes.append(bigEndian: words << 12 | flags & 0xfff)
    bytes.append(bigEndian: window)
    bytes.append(bigEndian: checksum ?? 0)
    bytes.append(bigEndian: urgent)
    return bytes + padded + data
  }

  /// An IPv4 datagram around the segment, or around `payload`.
  func ipv4(
    protocolNumber: UInt8 = 6, payload: [UInt8]? = nil, service: UInt8 = 0, identification: UInt16 = 1234,
    fragment: UInt16 = 0, timeToLive: UInt8 = 64, options: [UInt8] = [], headerWords: Int? = nil, length: Int? = nil,
    checksum: UInt16? = nil
  ) -> [UInt8] {
    var body = payload ?? segment
    let addresses: [UInt8] = isReply ? [10, 0, 0, 2, 10, 0, 0, 1] : [10, 0, 0, 1, 10, 0, 0, 2]
    if payload == nil, self.checksum == nil {
      fill(&body, pseudoHeader: addresses + [0, 6] + UInt16(truncatingIfNeeded: body.count).bigEndianBytes)
    }
    var header: [UInt8] = [0x40 | UInt8(truncatingIfNeeded: headerWords ?? 5 + options.count / 4), service]
    header.append(bigEndian: UInt16(truncatingIfNeeded: length ?? 20 + options.count + body.count))
    header.append(bigEndian: identification)
    header.append(bigEndian: fragment)
    header += [timeToLive, protocolNumber, 0, 0] + addresses + options
    let sum = (checksum ?? Self.sum(header)).bigEndianBytes
    header.replaceSubrange(10..<12, with: sum)
    return header + body
  }

  /// An IPv6 datagram around extension headers and the segment, or around `payload`.
  func ipv6(
    next: UInt8 = 6, extensions: [UInt8] = [], payload: [UInt8]? = nil, flow: UInt32 = 0, hopLimit: UInt8 = 64,
    length: Int? = nil
  ) -> [UInt8] {
    var body = payload ?? segment
    let one: [UInt8] = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]
    let two: [UInt8] = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 2]
    let addresses = isReply ? two + one : one + two
    if payload == nil, checksum == nil {
      fill(&body, pseudoHeader: addresses + UInt32(body.count).bigEndianBytes + [0, 0, 0, 6])
    }
    var header: [UInt8] = []
    header.append(bigEndian: 0x6000_0000 | flow)
    header.append(bigEndian: UInt16(truncatingIfNeeded: length ?? extensions.count + body.count))
    return header + [next, hopLimit] + addresses + extensions + body
  }

  private func fill(_ segment: inout [UInt8], pseudoHeader: [UInt8]) {
    guard segment.count >= 18 else { return }
    segment.replaceSubrange(16..<18, with: Self.sum(pseudoHeader + segment).bigEndianBytes)
  }

  /// RFC 1071.
  static func sum(_ bytes: [UInt8]) -> UInt16 {
    var sum: UInt32 = 0
    for (index, byte) in bytes.enumerated() { sum += UInt32(byte) << (index % 2 == 0 ? 8 : 0) }
    while sum > 0xffff { sum = sum >> 16 + sum & 0xffff }
    return ~UInt16(sum)
  }

  static func frame(_ type: UInt16, _ payload: [UInt8]) -> [UInt8] { ethernet + type.bigEndianBytes + payload }

  var frame4: [UInt8] { Self.frame(0x0800, ipv4()) }
  var frame6: [UInt8] { Self.frame(0x86dd, ipv6()) }

  /// A tag and what follows it, as the payload of type 0x8100 or its like.
  static func tag(_ information: UInt16, _ type: UInt16, _ payload: [UInt8]) -> [UInt8] {
    information.bigEndianBytes + type.bigEndianBytes + payload
  }
}

extension FixedWidthInteger {
  var bigEndianBytes: [UInt8] {
    stride(from: bitWidth - 8, through: 0, by: -8).map { UInt8(truncatingIfNeeded: self >> $0) }
  }
}

extension [UInt8] {
  mutating func append(bigEndian value: some FixedWidthInteger) { self += value.bigEndianBytes }
}

/// A frame as it was captured: cut short or whole.
struct Captured: Sendable {
  var bytes: [UInt8]
  var wireLength: Int
  /// Microseconds since the epoch.
  var microseconds: Int64
  var linkType = LinkType.ethernet

  init(
    _ frame: [UInt8], cutTo count: Int = .max, wireLength: Int? = nil, at microseconds: Int64 = 1_700_000_000_123_456,
    linkType: LinkType = .ethernet
  ) {
    bytes = Array(frame.prefix(count))
    self.wireLength = wireLength ?? frame.count
    self.microseconds = microseconds
    self.linkType = linkType
  }
}
