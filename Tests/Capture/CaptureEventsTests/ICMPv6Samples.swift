/// ICMPv6 messages of every kind, most of them well-formed.
enum ICMPv6Samples {
  static let address: [UInt8] = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0xff, 0xfe, 0, 0, 1]
  static let group: [UInt8] = [0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0, 0, 2]
  static let prefix: [UInt8] = [0x20, 1, 0xd, 0xb8, 0, 1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0]

  /// The checksum is left to `frame`.
  static func message(_ type: UInt8, _ code: UInt8 = 0, _ rest: [UInt8]) -> [UInt8] { [type, code, 0, 0] + rest }

  static func frame(_ message: [UInt8], checksum: UInt16? = nil, next: UInt8 = 58, extensions: [UInt8] = []) -> [UInt8]
  {
    var message = message
    if message.count >= 4 {
      let addresses = Array(PacketBuilder().ipv6(payload: [])[8..<40])
      let pseudo = addresses + UInt32(message.count).bigEndianBytes + [0, 0, 0, 58]
      message.replaceSubrange(2..<4, with: (checksum ?? PacketBuilder.sum(pseudo + message)).bigEndianBytes)
    }
    return PacketBuilder.frame(
      0x86dd, PacketBuilder().ipv6(next: next, extensions: extensions, payload: message, hopLimit: 255))
  }

  static let options: [[UInt8]] = [
    [1, 1, 2, 0, 0, 0, 0, 1], [2, 1, 2, 0, 0, 0, 0, 2],
    [3, 4, 64, 0xc0, 0, 0, 0x0e, 0x10, 255, 255, 255, 255, 0, 0, 0, 0] + prefix,
    [3, 4, 64, 0x20, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0] + prefix, [5, 1, 0, 0, 0, 0, 5, 0xdc],
    [7, 1, 0, 0, 0, 0, 3, 0xe8], [8, 1, 0, 0, 0, 5, 0, 9], [25, 3, 0, 0, 0, 0, 2, 0x58] + address,
    [25, 5, 0, 0, 0, 0, 2, 0x58] + address + prefix,
    [31, 3, 0, 0, 0, 0, 1, 0, 7] + "example".utf8 + [3] + "org".utf8 + [0, 0, 0, 0],
    [31, 3, 0, 0, 0, 0, 1, 0, 3] + "one".utf8 + [3] + "org".utf8 + [0, 1, 0x61, 0, 0, 0, 0],
    [14, 1, 1, 2, 3, 4, 5, 6], [200, 2, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14],
  ]
  static let routes: [[UInt8]] = [
    [24, 1, 0, 0x08, 0, 0, 0, 9], [24, 2, 48, 0x18, 255, 255, 255, 255, 0x20, 1, 0xd, 0xb8, 0, 1, 0, 0],
    [24, 3, 64, 0x10, 0, 0, 1, 0] + prefix,
  ]
  /// Lengths that contradict the type, names that cannot be followed, and what tcpdump and tshark see differently.
  static let oddOptions: [[UInt8]] =
    routes + [
      [2, 2, 2, 0, 0, 0, 0, 2, 3, 4, 5, 6, 7, 8, 9, 10], [3, 1, 64, 0x20, 0, 0, 0, 1],
      [3, 5, 64, 0xe0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0] + prefix + [0, 0, 0, 0, 0, 0, 0, 0],
      [4, 2, 0, 0, 0, 0, 0, 0, 0x60, 1, 2, 3, 4, 5, 6, 7], [5, 2, 0, 0, 0, 0, 5, 0xdc, 0, 0, 0, 0, 0, 0, 0, 0],
      [24, 4, 64, 0, 0, 0, 1, 0] + prefix + [0, 0, 0, 0, 0, 0, 0, 0], [25, 1, 0, 0, 0, 0, 2, 0x58],
      [25, 2, 0, 0, 0, 0, 2, 0x58, 1, 2, 3, 4, 5, 6, 7, 8],
      // Two names, the second of which points into the first; a pointer that leads nowhere; labels of other kinds.
      [31, 4, 0, 0, 0, 0, 1, 0, 7] + "example".utf8 + [3] + "org".utf8 + [0, 1, 0x61, 0xc0, 8, 0, 0, 0, 0, 0, 0, 0],
      [31, 2, 0, 0, 0, 0, 1, 0, 1, 0x61, 0xc1, 0, 0, 0, 0, 0], [31, 2, 0, 0, 0, 0, 1, 0, 0x85, 1, 2, 3, 4, 5, 6, 7],
      [31, 2, 0, 0, 0, 0, 1, 0, 0x49, 1, 2, 3, 4, 5, 6, 7], [31, 2, 0, 0, 0, 0, 1, 0, 1, 0xe1, 1, 5, 1, 0x7f, 0, 0],
      [31, 2, 0, 0, 0, 0, 1, 0, 9, 1, 2, 3, 4, 5, 6, 7], [31, 1, 0, 0, 0, 0, 1, 0], [1, 0, 1, 2, 3, 4, 5, 6],
      [1, 9, 1, 2, 3, 4, 5, 6], [1],
    ]

  /// The packets that errors quote.
  static let quoted: [[UInt8]] = {
    let udp = ICMPSamples.udp()
    let builder = PacketBuilder()
    return [
      builder.ipv6(), builder.ipv6(next: 17, payload: udp),
      builder.ipv6(next: 58, payload: [128, 0, 1, 2, 0, 7, 0, 9]),
      builder.ipv6(next: 0, extensions: [17, 0, 1, 4, 0, 0, 0, 0], payload: udp),
      builder.ipv6(next: 44, extensions: [17, 0, 0, 0, 0, 0, 0, 7], payload: udp),
      builder.ipv6(next: 44, extensions: [17, 0, 0, 8, 0, 0, 0, 7], payload: udp),
      builder.ipv6(next: 51, extensions: [17, 1, 0, 0, 0, 0, 0, 7, 0, 0, 0, 9], payload: udp),
      builder.ipv6(next: 60, extensions: [43, 0, 1, 4, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0]),
      builder.ipv6(next: 200), [],
    ]
  }()

  static let messages: [[UInt8]] = {
    var messages: [[UInt8]] = []
    let header: [UInt8] = [0x12, 0x34, 0x80, 7]
    for type in [128, 129, 133, 141, 142, 144, 145, 146, 200, 201, 0, 5, 127, 170, 255] as [UInt8] {
      messages.append(message(type, 0, header + PacketSamples.numbers.prefix(21)))
    }
    messages.append(message(145, 0, header + address + prefix))
    for quoted in quoted { messages.append(message(1, 4, [0, 0, 0, 0] + quoted)) }
    for code in UInt8(0)...8 {
      messages.append(message(1, code, [0, 0, 0, 0] + quoted[1]))
      messages.append(message(3, code, [0, 0, 0, 0] + quoted[0]))
      messages.append(message(4, code, [0, 0, 0, 40] + quoted[1]))
    }
    messages.append(message(2, 0, [0, 0, 5, 0] + quoted[0]))
    appendListeners(&messages)
    // Neighbour discovery, with each option and with several of them.
    let some = options[0] + options[4] + options[2] + options[3] + options[8]
    for flags in [0, 0xc8, 0x38, 0xff] as [UInt8] {
      messages.append(message(134, 0, [64, flags, 0x07, 0x08, 0, 0, 0x75, 0x30, 0, 0, 3, 0xe8] + some))
      messages.append(message(136, 0, [flags, 0, 0, 0] + address + options[1]))
    }
    messages.append(message(135, 0, [0, 0, 0, 0] + address + options[0]))
    messages.append(message(135, 0, [0, 0, 0, 0] + address))
    messages.append(message(137, 0, [0, 0, 0, 0] + address + prefix + options[1]))
    messages.append(message(147, 0, [0, 7, 0xc0, 0] + options[2]))
    messages.append(message(147, 0, [0, 7, 0, 0] + options[2]))
    for option in options { messages.append(message(133, 0, [0, 0, 0, 0] + option + options[0])) }
    appendNodeInformation(&messages)
    appendRenumbering(&messages)
    appendRouting(&messages)
    return messages
  }()

  /// What the judges do not take for the same, or not for anything.
  static let oddMessages: [[UInt8]] = {
    var messages = oddOptions.map { message(133, 0, [0, 0, 0, 0] + $0 + options[0]) }
    messages.append(message(137, 0, [0, 0, 0, 0] + address + prefix + options[0] + oddOptions[6]))
    messages.append(message(133, 0, [0]))
    messages.append(message(133, 0, [0, 0, 0, 0] + options[0]) + [9, 9])
    for count in [0, 1, 2, 3, 4, 5, 8] { messages.append(Array([128, 0, 1, 2, 3, 4, 5, 6].prefix(count))) }
    return messages
  }()

  private static func appendListeners(_ messages: inout [[UInt8]]) {
    for type in [130, 131, 132] as [UInt8] {
      messages.append(message(type, 0, [0x27, 0x10, 0, 0] + group))
      messages.append(message(type, 0, [0x27, 0x10, 0, 0] + group.dropLast()))
    }
    messages.append(message(130, 0, [0x27, 0x10, 0, 0] + group + [0, 1]))
    for (delay, flags, interval, count, sources) in [
      (0x2710, 0x02, 125, 0, 0), (0x8abc, 0x0f, 0x9c, 2, 2), (0xffff, 0xf0, 0xff, 3, 2), (0, 8, 0, 1, 1),
    ] as [(UInt16, UInt8, UInt8, UInt16, Int)] {
      let addresses = (0..<sources).flatMap { _ in address }
      messages.append(
        message(
          130, 0,
          delay.bigEndianBytes + [0, 0] + group + [flags, interval] + count.bigEndianBytes + addresses))
    }
    func record(_ type: UInt8, _ count: UInt8, _ sources: Int) -> [UInt8] {
      [type, 0, 0, count] + group + (0..<sources).flatMap { _ in prefix }
    }
    for records in [
      [record(4, 0, 0)], [record(1, 2, 2), record(2, 0, 0), record(3, 1, 1)],
      [record(5, 1, 1), record(6, 1, 1), record(7, 0, 0)], [record(4, 3, 1)], [],
    ] {
      messages.append(message(143, 0, [0, 0, 0, UInt8(records.count)] + records.flatMap { $0 }))
      messages.append(message(143, 0, [0, 0, 0, UInt8(records.count + 1)] + records.flatMap { $0 }))
    }
    messages.append(message(143, 0, [0, 0]))
  }

  private static func appendNodeInformation(_ messages: inout [[UInt8]]) {
    let nonce: [UInt8] = [1, 2, 3, 4, 5, 6, 7, 8]
    let name: [UInt8] = [4] + "host".utf8 + [3] + "org".utf8 + [0]
    messages.append(message(139, 0, [0, 2, 0, 0] + nonce.prefix(4)))
    for type in [0, 1, 2, 3, 4, 9] as [UInt16] {
      for flags in [0, 1, 0x7e, 0x7f] as [UInt16] {
        let head = type.bigEndianBytes + flags.bigEndianBytes + nonce
        messages.append(message(139, 0, head))
        messages.append(message(139, 0, head + address))
        messages.append(message(140, 0, head))
        messages.append(message(140, 0, head + [0, 0, 1, 0] + address + [0, 0, 0, 9] + prefix))
      }
    }
    for (code, subject) in [
      (0, address), (0, [1, 2]), (0, address + [1]), (1, name), (1, [4] + "host".utf8), (1, name + [0]),
      (1, name + [7]),
      (1, [9, 0x61]), (1, [0]), (1, [1, 7, 2, 0xe1, 0x62]), (2, [10, 0, 0, 1]), (2, [10, 0, 0, 1, 5]), (2, [1]),
      (3, [1, 2, 3, 4]),
    ] as [(UInt8, [UInt8])] {
      messages.append(message(139, code, [0, 2, 0, 0] + nonce + subject))
      messages.append(message(140, code, [0, 2, 0, 1] + nonce + [0, 0, 2, 0] + subject))
      messages.append(message(140, 0, [0, 2, 0, 0] + nonce + [0, 0, 2, 0] + subject))
    }
  }

  private static func appendRenumbering(_ messages: inout [[UInt8]]) {
    let use: [UInt8] = [32, 16, 0xff, 0xc0, 0, 0, 1, 0, 255, 255, 255, 255, 0xc0, 0, 0, 0] + prefix
    for code in [0, 1, 2, 255] as [UInt8] {
      for (flags, words) in [(0, 3), (0xf8, 7), (0x80, 11), (0, 4), (0, 1)] as [(UInt8, UInt8)] {
        let match = [UInt8(flags >> 6), words, 5, 48, 0, 64, 0, 0] + prefix
        messages.append(message(138, code, [0, 0, 0, 9, 1, flags, 0, 30, 0, 0, 0, flags] + match + use))
      }
    }
  }

  private static func appendRouting(_ messages: inout [[UInt8]]) {
    let options: [UInt8] = [0, 1, 1, 0, 4, 3, 1, 2, 3, 5, 2, 0, 64, 77, 0]
    for mode in [0x80, 0x08, 0x12, 0x1f, 0x20] as [UInt8] {
      messages.append(message(155, 1, [1, 2, 1, 0, mode, 9, 0, 0] + prefix + options))
    }
    for flags in [0, 0x40, 0x80, 0xc0] as [UInt8] {
      for code in [2, 3] as [UInt8] {
        messages.append(message(155, code, [1, flags, 7, 8] + prefix + options))
        messages.append(message(155, code, [1, flags, 7, 8]))
        messages.append(message(155, code, [1, flags, 7, 8] + options.dropLast(3) + [200]))
        messages.append(message(155, code, [1, flags, 7]))
      }
    }
    for code in [0, 1, 4, 0x7f, 0x80, 0x8a] as [UInt8] { messages.append(message(155, code, [1, 2, 3, 4])) }
    messages.append(message(155, 1, []))
  }

  static let frames: [[UInt8]] = {
    var frames = (messages + oddMessages).map { frame($0) }
    frames.append(frame(messages[0], checksum: 0x1234))
    frames.append(frame(messages[0]) + [0, 0, 0, 0])
    for (next, bytes) in [
      (0, [58, 0, 5, 2, 0, 0, 1, 0]), (44, [58, 0, 0, 0, 0, 0, 0, 7]), (44, [58, 0, 0, 1, 0, 0, 0, 7]),
      (51, [58, 1, 0, 0, 0, 0, 0, 7, 0, 0, 0, 9]), (43, [58, 2, 0, 0, 0, 0, 0, 0] + prefix),
    ] as [(UInt8, [UInt8])] {
      frames.append(frame(messages[0], next: next, extensions: bytes))
      frames.append(frame(messages[17], next: next, extensions: bytes))
    }
    return frames
  }()
}
