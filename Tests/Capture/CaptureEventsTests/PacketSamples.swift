/// Packets of every shape that the printers know, most of them well-formed.
enum PacketSamples {
  static func with(_ change: (inout PacketBuilder) -> Void) -> PacketBuilder {
    var builder = PacketBuilder()
    change(&builder)
    return builder
  }

  static func options(_ options: [UInt8], flags: UInt16 = 0x10) -> PacketBuilder {
    with {
      $0.options = options
      $0.flags = flags
    }
  }

  static let numbers = (1...40).map { UInt8($0) }

  /// A list of TCP options and the flags of its segment.
  static let optionLists: [(options: [UInt8], flags: UInt16)] = [
    ([2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7], 0x02),
    ([1, 1, 8, 10, 255, 255, 255, 255, 0, 0, 1, 0], 0x10),
    ([1, 1, 5, 10, 0, 0, 4, 0, 0, 0, 5, 0], 0x10),
    ([1, 1, 5, 18, 0, 0, 4, 0, 0, 0, 5, 0, 0, 0, 6, 0, 0, 0, 7, 0], 0x10),
    ([5, 2, 0, 0], 0x10), ([5, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 0x10),
    ([0], 0x10), ([1, 0], 0x10), ([0, 2, 4], 0x10),
    ([6, 6, 1, 2, 3, 4], 0x10), ([7, 6, 1, 2, 3, 4], 0x10),
    ([11, 6, 1, 2, 3, 4], 0x10), ([12, 6, 1, 2, 3, 4], 0x10), ([13, 6, 1, 2, 3, 4], 0x10),
    ([1, 1, 19, 18] + numbers.prefix(16), 0x10), ([19, 18] + numbers.prefix(16), 0x02),
    ([20, 4, 170, 3], 0x10), ([28, 4, 0x80, 0x05], 0x10), ([28, 4, 0x00, 0x64], 0x10),
    ([29, 4, 1, 2], 0x10), ([29, 16] + numbers.prefix(14), 0x10), ([29, 3, 1], 0x10),
    ([34, 2], 0x02), ([34, 10] + numbers.prefix(8), 0x02), ([34, 5, 1, 2, 3], 0x02), ([34, 4, 1, 2], 0x02),
    ([34, 20] + numbers.prefix(18), 0x02),
    ([254, 4, 0xf9, 0x89], 0x02), ([254, 12, 0xf9, 0x89] + numbers.prefix(8), 0x02), ([254, 4, 1, 2], 0x10),
    ([254, 3, 1], 0x10), ([253, 4, 1, 2], 0x10), ([9, 2], 0x10), ([69, 4, 1, 2], 0x10), ([255, 6, 9, 8, 7, 6], 0x10),
    // Lengths that contradict the kind or the header.
    ([2, 3, 5], 0x02), ([2, 2], 0x02), ([2, 6, 5, 180, 1, 1], 0x02), ([3, 4, 7, 1], 0x02), ([4, 3, 1], 0x02),
    ([8, 6, 0, 0, 0, 1], 0x10), ([8, 12, 0, 0, 0, 1, 0, 0, 0, 2, 1, 1], 0x10),
    ([2, 0], 0x02), ([2, 1], 0x02), ([2, 41], 0x02), ([1, 1, 1, 2], 0x02), ([1, 1, 2, 4], 0x02), ([1, 3, 9, 9], 0x02),
    ([19, 4, 1, 1], 0x10), ([30, 2], 0x10),
    // Multipath TCP.
    ([30, 4, 0x01, 0x81], 0x02), ([30, 12, 0x00, 0x81] + numbers.prefix(8), 0x02),
    ([30, 20, 0x00, 0x81] + numbers.prefix(16), 0x10), ([30, 22, 0x01, 0x81] + numbers.prefix(18), 0x10),
    ([30, 12, 0x02, 0x81] + numbers.prefix(8), 0x02), ([30, 12, 0x00, 0x81] + numbers.prefix(8), 0x10),
    ([30, 12, 0x11, 5] + numbers.prefix(8), 0x02), ([30, 16, 0x10, 5] + numbers.prefix(12), 0x12),
    ([30, 24, 0x10, 5] + numbers.prefix(20), 0x10), ([30, 24, 0x10, 5] + numbers.prefix(20), 0x00),
    ([30, 8, 0x20, 1] + numbers.prefix(4), 0x10), ([30, 12, 0x20, 3] + numbers.prefix(8), 0x10),
    ([30, 14, 0x20, 4] + numbers.prefix(10), 0x10), ([30, 16, 0x20, 4] + numbers.prefix(12), 0x10),
    ([30, 28, 0x20, 0x1f] + numbers.prefix(24), 0x10), ([30, 26, 0x20, 0x1f] + numbers.prefix(22), 0x10),
    ([30, 4, 0x20, 0x10], 0x10), ([30, 4, 0x20, 0x01], 0x10), ([30, 8, 0x20, 0x04, 1, 2, 3, 4], 0x10),
    ([30, 8, 0x20, 1] + numbers.prefix(4), 0x02), ([30, 9, 0x20, 1] + numbers.prefix(5), 0x10),
    ([30, 8, 0x30, 3] + numbers.prefix(4), 0x10), ([30, 8, 0x34, 3] + numbers.prefix(4), 0x10),
    ([30, 10, 0x31, 3] + numbers.prefix(6), 0x10), ([30, 16, 0x30, 3] + numbers.prefix(12), 0x10),
    ([30, 18, 0x30, 3] + numbers.prefix(14), 0x10), ([30, 20, 0x36, 3] + numbers.prefix(16), 0x10),
    ([30, 22, 0x31, 3] + numbers.prefix(18), 0x10), ([30, 28, 0x30, 3] + numbers.prefix(24), 0x10),
    ([30, 30, 0x32, 3] + numbers.prefix(26), 0x10), ([30, 9, 0x30, 3] + numbers.prefix(5), 0x10),
    ([30, 4, 0x40, 7], 0x10), ([30, 6, 0x40, 7, 8, 9], 0x10), ([30, 3, 0x40], 0x10),
    ([30, 3, 0x51], 0x10), ([30, 4, 0x50, 9], 0x10), ([30, 5, 0x50, 9, 9], 0x10),
    ([30, 12, 0x60, 0] + numbers.prefix(8), 0x10), ([30, 11, 0x60, 0] + numbers.prefix(7), 0x10),
    ([30, 12, 0x70, 0] + numbers.prefix(8), 0x10), ([30, 4, 0x70, 0], 0x10),
    ([30, 4, 0x80, 1], 0x14), ([30, 4, 0xf0, 1], 0x10),
  ]

  static let extensionChains: [(next: UInt8, bytes: [UInt8])] = [
    (0, [6, 0, 1, 4, 0, 0, 0, 0]), (0, [6, 0, 5, 2, 0, 0, 0, 0]), (0, [6, 0, 0, 0, 0, 0, 0, 0]),
    (0, [6, 0, 99, 4, 0, 0, 0, 0]), (0, [6, 0, 5, 3, 0, 0, 0, 0]), (0, [6, 0, 1, 9, 0, 0, 0, 0]),
    (0, [6, 0, 0xc2, 4, 0, 1, 0, 0]), (0, [6, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
    (60, [6, 0, 1, 4, 0, 0, 0, 0]), (60, [6, 0, 1, 9, 0, 0, 0, 0]),
    (60, [60, 0, 1, 4, 0, 0, 0, 0, 6, 0, 1, 4, 0, 0, 0, 0]),
    (0, [60, 0, 1, 4, 0, 0, 0, 0, 6, 0, 1, 4, 0, 0, 0, 0]),
    (60, [0, 0, 1, 4, 0, 0, 0, 0, 6, 0, 1, 4, 0, 0, 0, 0]),
    (0, [0, 0, 1, 4, 0, 0, 0, 0, 6, 0, 1, 4, 0, 0, 0, 0]),
    (43, [6, 2, 0, 1, 0, 0, 0, 0] + numbers.prefix(16)), (43, [6, 2, 2, 1, 1, 2, 3, 4] + numbers.prefix(16)),
    (43, [6, 4, 4, 1, 1, 8, 0xab, 0xcd] + numbers.prefix(32)), (43, [6, 2, 9, 1, 0, 0, 0, 0] + numbers.prefix(16)),
    (43, [6, 1, 0, 1, 0, 0, 0, 0] + numbers.prefix(8)),
    (43, [6, 0, 0, 0, 0, 0, 0, 0]),
    (44, [6, 0, 0, 0, 0, 0, 0, 7]), (44, [6, 0, 0, 1, 0, 0, 0, 7]), (44, [6, 0, 1, 1, 0, 0, 0, 7]),
    (44, [6, 9, 0, 0, 0, 0, 0, 7]), (0, [44, 0, 1, 4, 0, 0, 0, 0, 6, 0, 0, 1, 1, 2, 3, 4]),
    (51, [6, 4, 0, 0, 0, 0, 0, 7, 0, 0, 0, 9] + numbers.prefix(12)), (51, [6, 1, 0, 0, 0, 0, 0, 7, 0, 0, 0, 9]),
    (60, [51, 0, 1, 4, 0, 0, 0, 0, 6, 1, 0, 0, 0, 0, 0, 7, 0, 0, 0, 9]),
    (51, [51, 1, 0, 0, 0, 0, 0, 7, 0, 0, 0, 9, 6, 1, 0, 0, 0, 0, 0, 7, 0, 0, 0, 9]),
    (51, [6, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 9]), (0, [6, 0, 0xc2, 3, 0, 1, 0, 0]),
    (0, [6, 0, 1, 2, 0, 0, 5, 0]), (60, [6, 0, 0xc2, 4, 0, 1, 0, 0]),
    (60, [6, 2, 0xc9, 16] + numbers.prefix(16) + [1, 2, 0, 0]), (60, [6, 0, 0xc9, 4, 1, 2, 3, 4]),
    (51, [6, 200, 0, 0, 0, 0, 0, 7, 0, 0, 0, 9]),
    (0, [6, 200, 1, 4, 0, 0, 0, 0]), (60, [59, 0, 1, 4, 0, 0, 0, 0]), (59, []),
  ]

  static let ipv4Options: [[UInt8]] = [
    [1, 1, 1, 1], [0, 0, 0, 0], [1, 1, 1, 0], [7, 7, 4, 1, 2, 3, 4, 0], [7, 7, 8, 1, 2, 3, 4, 0],
    [131, 11, 4, 1, 2, 3, 4, 5, 6, 7, 8, 0], [137, 7, 8, 1, 2, 3, 4, 1], [148, 4, 0, 0],
    [148, 4, 0, 5], [148, 3, 0, 0],
    [68, 12, 5, 0, 0, 0, 0, 1, 0, 0, 0, 2],
    [68, 12, 9, 0x11, 1, 2, 3, 4, 0, 0, 0, 2], [68, 12, 5, 0x23, 1, 2, 3, 4, 0, 0, 0, 9],
    [68, 12, 13, 3, 1, 2, 3, 4, 0, 0, 0, 2], [68, 8, 5, 0x07, 1, 2, 3, 4], [68, 3, 5, 0],
    [82, 12, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0],
    [130, 4, 1, 2], [99, 4, 1, 2], [99, 1, 1, 2], [7, 9, 4, 1], [131, 3, 4, 0], [7, 2, 0, 0],
  ]

  /// One frame of each kind.
  static let frames: [[UInt8]] = {
    var frames: [[UInt8]] = []
    // Handshake, data both ways, close, in both families, and one that is joined in the middle.
    for isV6 in [false, true] {
      var steps: [PacketBuilder] = []
      func step(_ reply: Bool, _ flags: UInt16, _ sequence: UInt32, _ acknowledgment: UInt32, _ data: Int = 0) {
        steps.append(
          with {
            $0.isReply = reply
            $0.source = reply ? 443 : 53500
            $0.destination = reply ? 53500 : 443
            $0.flags = flags
            $0.sequence = sequence
            $0.acknowledgment = acknowledgment
            $0.data = Array(repeating: 0x61, count: data)
          })
      }
      step(false, 0x02, 4_294_967_290, 0)
      step(true, 0x12, 5000, 4_294_967_291)
      step(false, 0x10, 4_294_967_291, 5001)
      step(false, 0x18, 4_294_967_291, 5001, 100)
      step(true, 0x10, 5001, 95)
      step(true, 0x18, 5001, 95, 33)
      step(false, 0x11, 95, 5034)
      step(true, 0x11, 5034, 96)
      step(false, 0x10, 96, 5035)
      step(false, 0x14, 96, 5035)
      step(false, 0x04, 96, 0)
      step(false, 0x02, 77, 0)
      step(true, 0x52, 88, 78)
      step(false, 0xc2, 77, 0)
      frames += steps.map { isV6 ? $0.frame6 : $0.frame4 }
    }
    for (options, flags) in optionLists {
      frames.append(PacketSamples.options(options, flags: flags).frame4)
      frames.append(
        with {
          $0.options = options
          $0.flags = flags
          $0.data = [1, 2, 3, 4, 5]
        }.frame6)
    }
    for flags in [0, 0x1ff, 0x29, 0xfff, 0x3f, 0x100] as [UInt16] { frames.append(with { $0.flags = flags }.frame4) }
    for port in [0, 7777, 65535] as [UInt16] {
      for isReply in [false, true] {
        frames.append(
          with {
            $0.source = port
            $0.destination = port
            $0.isReply = isReply
            $0.sequence += isReply ? 1000 : 7
          }.frame4)
      }
    }
    for chain in extensionChains {
      let builder = with { $0.data = [9, 9] }
      frames.append(PacketBuilder.frame(0x86dd, builder.ipv6(next: chain.next, extensions: chain.bytes)))
    }
    for options in ipv4Options { frames.append(PacketBuilder.frame(0x0800, PacketBuilder().ipv4(options: options))) }
    let plain = PacketBuilder()
    // Types of service, time to live, fragments.
    for service in [0, 1, 2, 3, 0xb8, 0xff] as [UInt8] {
      frames.append(PacketBuilder.frame(0x0800, plain.ipv4(service: service, timeToLive: service)))
    }
    for fragment in [0x4000, 0x2000, 0x8000, 0xe000, 0x2001, 0x0001, 0x1fff] as [UInt16] {
      frames.append(PacketBuilder.frame(0x0800, plain.ipv4(fragment: fragment)))
    }
    // Flow labels and classes.
    for flow in [0x0ab1_2345, 0x000_00001, 0x0010_0000, 0x0fff_ffff] as [UInt32] {
      frames.append(PacketBuilder.frame(0x86dd, plain.ipv6(flow: flow, hopLimit: 255)))
    }
    // Jumbograms, with an option that is right, too small, and without the bytes.
    for jumbo in [65_536, 70_000, 65_535] as [UInt32] {
      let option = [6, 0, 0xc2, 4] + jumbo.bigEndianBytes
      frames.append(PacketBuilder.frame(0x86dd, plain.ipv6(next: 0, extensions: option, length: 0)))
    }
    // Lengths that lie.
    for words in [0, 4, 5, 6, 10, 15] { frames.append(PacketBuilder.frame(0x0800, plain.ipv4(headerWords: words))) }
    for length in [0, 10, 19, 20, 21, 23, 24, 30, 39, 40, 41, 1500, 65535] {
      frames.append(PacketBuilder.frame(0x0800, plain.ipv4(length: length)))
      frames.append(PacketBuilder.frame(0x86dd, plain.ipv6(length: length)))
      frames.append(
        PacketBuilder.frame(0x86dd, plain.ipv6(next: 0, extensions: [6, 0, 1, 4, 0, 0, 0, 0], length: length)))
    }
    for offset in 0...15 {
      frames.append(
        with {
          $0.dataOffset = offset
          $0.data = [1, 2, 3]
        }.frame4)
      frames.append(with { $0.dataOffset = offset }.frame6)
    }
    frames.append(PacketBuilder.frame(0x0800, plain.ipv4(checksum: 0x1234)))
    frames.append(with { $0.checksum = 0x1234 }.frame4)
    frames.append(with { $0.checksum = 0 }.frame6)
    // Tags.
    let datagram = plain.ipv4()
    frames.append(PacketBuilder.frame(0x8100, PacketBuilder.tag(0x2064, 0x0800, datagram)))
    frames.append(PacketBuilder.frame(0x8100, PacketBuilder.tag(0x1fff, 0x86dd, plain.ipv6())))
    frames.append(
      PacketBuilder.frame(0x88a8, PacketBuilder.tag(0x1002, 0x8100, PacketBuilder.tag(0x2064, 0x0800, datagram))))
    frames.append(
      PacketBuilder.frame(0x9100, PacketBuilder.tag(0xf002, 0x9200, PacketBuilder.tag(0x0001, 0x0800, datagram))))
    // Wrong versions, AH under IPv4, resets with text, a frame with padding.
    frames.append(PacketBuilder.frame(0x0800, plain.ipv6()))
    frames.append(PacketBuilder.frame(0x86dd, plain.ipv4() + [0, 0, 0, 0, 0, 0]))
    frames.append(PacketBuilder.frame(0x0800, [0x55] + datagram.dropFirst()))
    let authenticated: [UInt8] = [6, 1, 0, 0, 0, 0, 0, 7, 0, 0, 0, 9]
    frames.append(
      PacketBuilder.frame(0x0800, plain.ipv4(protocolNumber: 51, payload: authenticated + plain.segment)))
    for count in [1, 30, 31, 60] {
      let reset = with {
        $0.flags = 0x14
        $0.data = (0..<count).map { UInt8(truncatingIfNeeded: $0 * 37) }
      }
      frames.append(reset.frame4)
    }
    frames.append(plain.frame4 + [0, 0, 0, 0, 0, 0])
    // Protocols that nobody dissects.
    for number in [59, 200, 253] as [UInt8] {
      frames.append(PacketBuilder.frame(0x0800, plain.ipv4(protocolNumber: number)))
    }
    frames.append(PacketBuilder.frame(0x86dd, plain.ipv6(next: 200)))
    return frames
  }()
}
