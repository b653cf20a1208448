import CaptureEvents

/// Packets of other protocols than TCP, and other link headers than Ethernet's, well-formed and not.
enum ProtocolSamples {
  /// A UDP datagram with data; nil leaves the checksum to be right.
  static func udp(
    _ source: UInt16, _ destination: UInt16, count: Int, length: Int? = nil, checksum: UInt16? = nil, isV6: Bool = false
  ) -> [UInt8] {
    let addresses: [UInt8] =
      isV6
      ? [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1] + [
        0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 2,
      ]
      : [10, 0, 0, 1, 10, 0, 0, 2]
    let own = UInt16(truncatingIfNeeded: length ?? count + 8)
    let data = (0..<count).map { UInt8(truncatingIfNeeded: $0 * 7) }
    let ports = source.bigEndianBytes + destination.bigEndianBytes + own.bigEndianBytes
    let sum = PacketBuilder.sum(addresses + [0, 17] + own.bigEndianBytes + ports + [0, 0] + data)
    return ports + (checksum ?? (sum == 0 ? 0xffff : sum)).bigEndianBytes + data
  }

  static func ipv4(_ number: UInt8, _ payload: [UInt8], fragment: UInt16 = 0, timeToLive: UInt8 = 64) -> [UInt8] {
    PacketBuilder().ipv4(protocolNumber: number, payload: payload, fragment: fragment, timeToLive: timeToLive)
  }

  static func ipv6(_ number: UInt8, _ payload: [UInt8], extensions: [UInt8] = []) -> [UInt8] {
    PacketBuilder().ipv6(next: number, extensions: extensions, payload: payload)
  }

  static let datagrams4: [[UInt8]] = {
    var datagrams = [
      ipv4(17, udp(1000, 2000, count: 20)), ipv4(17, udp(1000, 2000, count: 0)),
      ipv4(17, udp(1000, 2000, count: 21, checksum: 0)), ipv4(17, udp(1000, 2000, count: 9, checksum: 0x1234)),
      ipv4(17, udp(1000, 2000, count: 20, length: 7)), ipv4(17, udp(1000, 2000, count: 20, length: 8)),
      ipv4(17, udp(1000, 2000, count: 20, length: 0)), ipv4(17, udp(1000, 2000, count: 20, length: 20)),
      ipv4(17, udp(1000, 2000, count: 20, length: 100)), ipv4(17, [3, 0xe8, 7, 0xd0]), ipv4(17, [3, 0xe8, 7]),
      ipv4(17, [3, 0xe8, 7, 0xd0, 0, 9, 0]), ipv4(17, udp(1000, 2000, count: 16), fragment: 0x2000),
      ipv4(17, udp(1000, 2000, count: 16, length: 900), fragment: 0x2000),
      ipv4(17, udp(1000, 2000, count: 16), fragment: 0x2010), ipv4(17, udp(1000, 2000, count: 5), fragment: 0x0020),
      // Authentication before it.
      ipv4(51, [17, 1, 0, 0, 0, 0, 0, 7, 0, 0, 0, 9] + udp(1000, 2000, count: 3)),
      // Protocols that have nothing to show, and those of the other version.
      ipv4(99, [1, 2, 3]), ipv4(77, [1, 2, 3]), ipv4(60, [1, 2, 3]), ipv4(58, [1, 2, 3, 4]), ipv4(143, [1, 2, 3]),
      // ESP, compression.
      ipv4(50, [0, 0, 0, 1, 0, 0, 0, 2, 3, 4, 5]), ipv4(50, [0, 0, 0, 1, 0, 0, 0, 2]), ipv4(108, [6, 0, 0, 5, 1, 2]),
      // PIM, OSPF, VRRP.
      ipv4(103, [0x20, 0, 0, 0]), ipv4(103, [0x2f, 0, 0, 0]), ipv4(103, [0x10, 0, 0, 0]),
      ipv4(112, [0x21, 1, 100, 1, 0, 1, 0, 0, 10, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0], timeToLive: 255),
      ipv4(112, [0x31, 1, 100, 1, 0, 100, 0, 0, 10, 0, 0, 9]), ipv4(112, [0x21, 1, 100, 1, 9, 1, 0, 0, 10, 0, 0, 9]),
      ipv4(112, [0x13, 1, 100, 1]), ipv4(112, [0x41, 1, 100, 1]),
    ]
    for type in UInt8(0)...6 {
      let header: [UInt8] = [2, type, 0, 24, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, type == 2 ? 2 : 0]
      datagrams.append(ipv4(89, header + Array(repeating: 0, count: 24)))
    }
    // IGMP.
    let group: [UInt8] = [224, 1, 2, 3]
    for (type, time) in [(0x11, 0), (0x11, 100), (0x11, 30), (0x12, 0), (0x16, 0), (0x17, 0), (0x99, 0)]
      as [(UInt8, UInt8)]
    {
      datagrams += [ipv4(2, [type, time, 0, 0] + group), ipv4(2, [type, time, 1, 2, 0, 0, 0, 0, 1])]
    }
    let sources: [UInt8] = [10, 0, 0, 7, 10, 0, 0, 8]
    for time in [0, 5, 100, 127, 128, 0x9f, 0xff] as [UInt8] {
      datagrams.append(ipv4(2, [0x11, time, 0, 0] + group + [2, 125, 0, 2] + sources))
    }
    datagrams += [
      ipv4(2, [0x11, 100, 0, 0, 0, 0, 0, 0, 2, 125, 0, 0]), ipv4(2, [0x11, 100, 0, 0] + group + [2, 125, 0, 9]),
      ipv4(2, [0x11, 100, 0, 0] + group + [2, 125, 0, 0, 1]),
      ipv4(2, [0x22, 0, 0, 0, 0, 0, 0, 2, 4, 0, 0, 0] + group + [3, 0, 0, 2] + group + sources),
      ipv4(2, [0x22, 0, 0, 0, 0, 0, 0, 9, 9, 0, 0, 0] + group),
      ipv4(2, [0x22, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 9] + group),
      ipv4(2, [0x22, 0, 0, 0, 0, 0]),
    ]
    // Tunnels, one in another.
    let inner = PacketBuilder().ipv4()
    let gre: [UInt8] = [0, 0, 8, 0]
    datagrams += [
      ipv4(4, inner), ipv4(41, PacketBuilder().ipv6()), ipv4(4, PacketBuilder().ipv6()), ipv4(4, ipv4(4, inner)),
      ipv4(47, gre + inner), ipv4(47, [0, 0, 0x86, 0xdd] + PacketBuilder().ipv6()),
      ipv4(47, [0xb0, 0, 8, 0, 1, 2, 0, 0, 0, 0, 0, 5, 0, 0, 0, 6] + inner),
      ipv4(47, [0, 0, 0x65, 0x58] + PacketBuilder.frame(0x0800, inner)), ipv4(47, [0, 0, 0x12, 0x34, 1, 2]),
      ipv4(47, [0x30, 0x81, 0x88, 0x0b, 0, 4, 0, 9, 0, 0, 0, 1, 0, 0, 0, 2]),
      ipv4(47, [0x20, 0x81, 0x88, 0x0b, 0, 4, 0, 9, 0, 0, 0, 2]),
      ipv4(47, [0x30, 1, 0x12, 0x34, 0, 4, 0, 9, 0, 0, 0, 1, 5]),
      ipv4(47, [0, 2, 8, 0]), ipv4(47, [0]), ipv4(47, [0x80, 0, 8, 0, 1]), ipv4(47, [0, 0]),
      ipv4(47, gre + ipv4(47, gre + ipv4(17, udp(7, 8, count: 4)))),
    ]
    return datagrams
  }()

  static let datagrams6: [[UInt8]] = [
    ipv6(17, udp(1000, 2000, count: 20, isV6: true)), ipv6(17, udp(1000, 2000, count: 20, checksum: 0, isV6: true)),
    ipv6(17, udp(1000, 2000, count: 20, length: 99, isV6: true)), ipv6(17, udp(1000, 2000, count: 20, length: 3)),
    ipv6(60, udp(1000, 2000, count: 4, isV6: true), extensions: [17, 0, 1, 4, 0, 0, 0, 0]),
    ipv6(44, udp(1000, 2000, count: 8, isV6: true), extensions: [17, 0, 0, 1, 0, 0, 0, 7]),
    ipv6(44, [1, 2, 3, 4, 5, 6, 7, 8], extensions: [17, 0, 0, 9, 0, 0, 0, 7]),
    ipv6(44, udp(1000, 2000, count: 8, isV6: true), extensions: [17, 0, 0, 0, 0, 0, 0, 7]),
    ipv6(1, [8, 0, 0, 0]), ipv6(2, [0x16, 0, 0, 0]), ipv6(4, PacketBuilder().ipv4()), ipv6(41, PacketBuilder().ipv6()),
    ipv6(143, PacketBuilder.frame(0x0800, PacketBuilder().ipv4())), ipv6(143, [1, 2, 3]),
    ipv6(47, [0, 0, 8, 0] + PacketBuilder().ipv4()), ipv6(50, [0, 0, 0, 1, 0, 0, 0, 2, 3, 4, 5]), ipv6(99, [1]),
    ipv6(89, [3, 1, 0, 24, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0]), ipv6(89, [3, 9, 0, 24]), ipv6(103, [0x20, 0, 0, 0]),
    ipv6(112, [0x31, 1, 100, 1, 0, 100, 0, 0, 10, 0, 0, 9]), ipv6(59, [1, 2]),
    ipv6(51, udp(7, 8, count: 3, isV6: true), extensions: [17, 1, 0, 0, 0, 0, 0, 7, 0, 0, 0, 9]),
  ]

  /// An Ethernet frame with a length instead of a type.
  private static func llc(_ bytes: [UInt8], length: Int? = nil, padding: Int = 0) -> [UInt8] {
    PacketBuilder.frame(
      UInt16(truncatingIfNeeded: length ?? bytes.count), bytes + Array(repeating: 0xee, count: padding))
  }

  private static func snap(_ organization: [UInt8], _ type: UInt16, _ payload: [UInt8]) -> [UInt8] {
    [0xaa, 0xaa, 3] + organization + type.bigEndianBytes + payload
  }

  static let frames: [[UInt8]] = {
    let ip = PacketBuilder().ipv4()
    var frames = datagrams4.map { PacketBuilder.frame(0x0800, $0) } + datagrams6.map { PacketBuilder.frame(0x86dd, $0) }
    frames += [
      // Types that nobody dissects, with and without a name, and behind a tag.
      PacketBuilder.frame(0x1234, [1, 2, 3]), PacketBuilder.frame(0x6558, PacketSamples.numbers),
      PacketBuilder.frame(0x8100, PacketBuilder.tag(5, 0x1234, PacketSamples.numbers)),
      PacketBuilder.frame(0x8100, PacketBuilder.tag(5, 40, [0x42, 0x40, 3])), PacketBuilder.frame(1501, [1]),
      // LLC: information, supervision, all kinds of unnumbered frames, and what holds IP.
      llc(snap([0, 0, 0], 0x0800, ip), padding: 6), llc(snap([0, 0, 0xf8], 0x86dd, PacketBuilder().ipv6())),
      llc([6, 6, 3] + ip), llc(snap([0, 0, 0], 0x1234, [1, 2, 3]), padding: 3),
      llc(snap([0, 0, 0x0c], 0x9999, [1, 2])),
      llc(snap([0, 0x80, 0xc2], 2, [1, 2])), llc(snap([8, 0, 7], 5, [1])), llc(snap([9, 9, 9], 5, [1])),
      llc([0xaa, 0xaa, 3, 0, 0]), llc([1]), llc([]), llc([0xe0, 0xe0]), llc([0xfe, 0xfe, 0]),
      llc([4, 4, 3, 1, 2], length: 900),
      llc(snap([0, 0, 0], 0x0800, ip), length: 30), llc([0xf0, 0xf1, 0x01, 0x07]), llc([0xf0, 0xf0, 0x05, 0x06, 1]),
      llc([0x20, 0x30, 0x09, 0x08]), llc([0x20, 0x21, 0x0d, 0x09]), llc([4, 5, 0x10, 0x21, 1, 2]),
    ]
    for control in [0x03, 0x13, 0xe3, 0xf3, 0xaf, 0xbf, 0x63, 0x73, 0x43, 0x0f, 0x6f, 0x87, 0x07] as [UInt8] {
      frames += [
        llc([4, 4, control]), llc([8, 5, control, 0x81, 1, 2]), llc([0xf0, 0xf1, control, 0x81], padding: 3),
      ]
      frames.append(llc([0xf0, 0xf0, control, 9]))
    }
    return frames
  }()

  /// Frames of link types other than Ethernet.
  static let otherLinks: [(type: LinkType, frames: [[UInt8]])] = {
    let datagrams = [PacketBuilder().ipv4(), PacketBuilder().ipv6()] + datagrams4.prefix(3) + datagrams6.prefix(2)
    var links: [(type: LinkType, frames: [[UInt8]])] = []
    for type in [.raw, .ipv4, .ipv6] as [LinkType] { links.append((type, datagrams + [[0x35, 1, 2, 3], [0x0f]])) }
    func isV4(_ datagram: [UInt8]) -> Bool { datagram[0] >> 4 == 4 }
    for type in [.null, .loop] as [LinkType] {
      var frames: [[UInt8]] = []
      for datagram in datagrams {
        let family: UInt8 = isV4(datagram) ? 2 : 24
        frames += [[0, 0, 0, family] + datagram, [family, 0, 0, 0] + datagram]
      }
      for family in [6, 28, 30, 99] as [UInt8] { frames.append([0, 0, 0, family] + PacketBuilder().ipv6()) }
      links.append((type, frames + [[1, 2, 3, 4, 5]]))
    }
    func cooked(_ isSecond: Bool, _ type: UInt16, _ payload: [UInt8], kind: UInt8 = 0, length: UInt8 = 6) -> [UInt8] {
      let address: [UInt8] = [2, 0, 0, 0, 0, 9, 0, 0]
      let head: [UInt8] =
        isSecond
        ? type.bigEndianBytes + [0, 0, 0, 0xff, 0xff, 0xfe, 0, 1, kind, length] + address
        : [0, kind, 0, 1, 0, length] + address + type.bigEndianBytes
      return head + payload
    }
    for (isSecond, type) in [(false, LinkType.linuxSLL), (true, .linuxSLL2)] {
      var frames: [[UInt8]] = []
      for (index, datagram) in datagrams.enumerated() {
        frames.append(cooked(isSecond, isV4(datagram) ? 0x0800 : 0x86dd, datagram, kind: UInt8(index % 6)))
      }
      frames += [
        cooked(isSecond, 0x0800, datagrams[0], length: 0), cooked(isSecond, 0x1234, [1, 2, 3]),
        cooked(isSecond, 9, [1, 2]),
        cooked(isSecond, 0x8100, PacketBuilder.tag(0x2064, 0x0800, datagrams[0])),
        cooked(isSecond, 0x8100, PacketBuilder.tag(0x1001, 0x8100, PacketBuilder.tag(2, 0x1234, [1, 2, 3]))),
        cooked(isSecond, 0x8100, PacketBuilder.tag(1, 40, [4, 4, 3, 1])), cooked(isSecond, 0x88a8, [0, 1, 8, 0]),
        cooked(isSecond, 4, [4, 4, 3, 1]), cooked(isSecond, 4, [4, 8, 3, 1]),
        cooked(isSecond, 4, [0xaa, 0xaa, 3, 0, 0, 0, 8, 0] + datagrams[0]),
        cooked(isSecond, 4, [0xaa, 0xaa, 3, 0, 0, 0, 9, 9, 1]), cooked(isSecond, 4, [1]),
      ]
      links.append((type, frames))
    }
    return links
  }()
}
