/// ICMP messages of every kind, most of them well-formed.
enum ICMPSamples {
  /// A message whose checksum is right, unless one is given.
  static func message(_ type: UInt8, _ code: UInt8 = 0, _ rest: [UInt8], checksum: UInt16? = nil) -> [UInt8] {
    var bytes = [type, code, 0, 0] + rest
    bytes.replaceSubrange(2..<4, with: (checksum ?? PacketBuilder.sum(bytes)).bigEndianBytes)
    return bytes
  }

  static func frame(_ message: [UInt8], fragment: UInt16 = 0) -> [UInt8] {
    PacketBuilder.frame(0x0800, PacketBuilder().ipv4(protocolNumber: 1, payload: message, fragment: fragment))
  }

  static func udp(_ data: [UInt8] = [1, 2, 3, 4]) -> [UInt8] {
    UInt16(5001).bigEndianBytes + UInt16(33434).bigEndianBytes + UInt16(8 + data.count).bigEndianBytes + [0, 0] + data
  }

  /// The packets that errors quote.
  static let quoted: [[UInt8]] = {
    let builder = PacketSamples.with { $0.flags = 0x02 }
    let echo = message(8, 0, [0, 7, 0, 9, 1, 2, 3, 4])
    return [
      builder.ipv4(), Array(builder.ipv4().prefix(28)), builder.ipv4(protocolNumber: 17, payload: udp()),
      builder.ipv4(protocolNumber: 1, payload: echo), builder.ipv4(protocolNumber: 200, payload: [0, 1, 0, 2, 0, 3]),
      builder.ipv4(options: [148, 4, 0, 0]), builder.ipv4(fragment: 0x2005), builder.ipv4(headerWords: 3),
      builder.ipv4(length: 10), builder.ipv4(length: 0), builder.ipv4(length: 4000), builder.ipv6(),
      builder.ipv4(checksum: 0x1234), builder.ipv4(protocolNumber: 58, payload: [128, 0, 0, 0]),
      // An error that quotes an error, and twice more.
      builder.ipv4(
        protocolNumber: 1,
        payload: message(
          11, 0,
          [0, 0, 0, 0]
            + builder.ipv4(
              protocolNumber: 1, payload: message(3, 1, [0, 0, 0, 0] + builder.ipv4(protocolNumber: 1, payload: echo))))
      ),
      [],
    ]
  }()

  /// What RFC 4884 puts behind 128 bytes of the quoted packet, with a right checksum.
  static func extensions(_ objects: [UInt8], version: UInt8 = 2) -> [UInt8] {
    var bytes = [version << 4, 0, 0, 0] + objects
    bytes.replaceSubrange(2..<4, with: PacketBuilder.sum(bytes).bigEndianBytes)
    return bytes
  }

  static let labels: [UInt8] = [0, 12, 1, 1, 0x12, 0x34, 0x56, 0x05, 0x12, 0x34, 0x57, 0x06]

  static let messages: [[UInt8]] = {
    var messages: [[UInt8]] = []
    for type in [0, 8, 13, 15, 16, 17, 10, 4, 6, 30, 44, 255] as [UInt8] {
      messages.append(message(type, 0, [0x12, 0x34, 0, 7] + PacketSamples.numbers.prefix(16)))
    }
    messages.append(message(8, 0, [1, 2, 0, 1], checksum: 0x1234))
    let times: [UInt32] = [1_000, 86_399_999, 4_294_967_295]
    messages.append(message(14, 0, [0, 1, 0, 2] + times.flatMap { $0.bigEndianBytes }))
    messages.append(message(18, 0, [0, 1, 0, 2, 255, 255, 255, 0]))
    for quoted in quoted {
      messages.append(message(3, 3, [0, 0, 0, 0] + quoted))
      messages.append(message(11, 0, [0, 0, 0, 0] + quoted))
    }
    for code in UInt8(0)...17 {
      messages.append(message(3, code, [0, 0, code == 4 ? 5 : 0, 0x14] + quoted[1]))
    }
    messages.append(message(3, 4, [0, 0, 0, 0] + quoted[1]))
    for code in UInt8(0)...5 { messages.append(message(5, code, [192, 168, 1, 1] + quoted[2])) }
    for code in UInt8(0)...3 {
      messages.append(message(11, code, [0, 0, 0, 0] + quoted[2]))
      messages.append(message(12, code, [9, 0, 0, 0] + quoted[2]))
    }
    messages.append(message(4, 0, [0, 0, 0, 0] + quoted[2]))
    // Router advertisements of several lifetimes, and one that is too long for a line.
    for (count, size, lifetime) in [(0, 2, 59), (1, 2, 60), (2, 2, 3599), (2, 3, 3600), (3, 2, 65535), (12, 2, 7)] {
      let addresses = (0..<count).flatMap { index -> [UInt8] in
        [10, 0, 0, UInt8(index)] + (UInt32.max - UInt32(index)).bigEndianBytes
      }
      messages.append(
        message(9, 0, [UInt8(count), UInt8(size)] + UInt16(lifetime).bigEndianBytes + addresses))
    }
    let long = PacketBuilder().ipv4(protocolNumber: 17, payload: udp(Array(repeating: 7, count: 100)))
    for (length, more) in [
      (32, extensions(labels)), (0, extensions(labels)), (0, labels), (32, labels),
      (32, extensions(labels, version: 1)),
      (32, extensions([0, 8, 2, 5, 1, 2, 3, 4] + labels)), (32, extensions([0, 8, 9, 5, 1, 2, 3, 4])),
      (32, extensions([0, 3, 1, 1, 1, 2, 3, 4])), (32, extensions([0, 8, 0, 1, 1, 2, 3, 4])), (32, [0x20]),
      (32, extensions([0, 40, 1, 1, 1, 2, 3, 4])), (32, extensions([0, 12, 1, 2, 1, 2, 3, 4, 5, 6, 7, 8])),
      (32, extensions([])), (32, [0x20, 0, 1]), (32, [0x20, 0, 0, 0, 1]),
    ] as [(UInt8, [UInt8])] {
      messages.append(message(11, 0, [0, length, 0, 0] + long + more))
      messages.append(message(3, 1, [0, length, 0, 0] + long + more))
    }
    // Not even a header, and one byte too few for a checksum.
    for count in [0, 1, 2, 3, 4, 7] { messages.append(Array([49, 0, 1, 2, 3, 4, 5].prefix(count))) }
    return messages
  }()

  static let frames: [[UInt8]] = {
    var frames = messages.map { frame($0) }
    frames.append(frame(messages[0], fragment: 0x2000))
    frames.append(frame(messages[0], fragment: 0x4000))
    frames.append(frame(messages[0]) + [0, 0, 0, 0])
    let authenticated: [UInt8] = [1, 1, 0, 0, 0, 0, 0, 7, 0, 0, 0, 9]
    frames.append(
      PacketBuilder.frame(0x0800, PacketBuilder().ipv4(protocolNumber: 51, payload: authenticated + messages[0])))
    frames.append(PacketBuilder.frame(0x86dd, PacketBuilder().ipv6(next: 1, payload: messages[0])))
    frames.append(
      PacketBuilder.frame(0x0800, PacketBuilder().ipv4(protocolNumber: 58, payload: ICMPv6Samples.messages[0])))
    frames.append(PacketBuilder.frame(0x8100, PacketBuilder.tag(5, 0x0800, Array(frames[0].dropFirst(14)))))
    return frames
  }()
}
