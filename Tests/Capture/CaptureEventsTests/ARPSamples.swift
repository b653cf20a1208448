/// ARP and its kin of every kind, most of them well-formed.
enum ARPSamples {
  static let one: [UInt8] = [2, 0, 0, 0, 0, 1]
  static let two: [UInt8] = [2, 0, 0, 0, 0, 2]
  static let nobody: [UInt8] = [0, 0, 0, 0, 0, 0]

  static func packet(
    _ operation: UInt16, hardware: UInt16 = 1, protocol type: UInt16 = 0x0800, lengths: (UInt8, UInt8) = (6, 4),
    _ rest: [UInt8]
  ) -> [UInt8] {
    hardware.bigEndianBytes + type.bigEndianBytes + [lengths.0, lengths.1] + operation.bigEndianBytes + rest
  }

  static func addresses(
    _ sender: [UInt8] = one, _ senderAddress: UInt8 = 1, _ target: [UInt8] = nobody, _ targetAddress: UInt8 = 2
  ) -> [UInt8] {
    func ipv4(_ last: UInt8) -> [UInt8] { last == 0 ? [0, 0, 0, 0] : [10, 0, 0, last] }
    return sender + ipv4(senderAddress) + target + ipv4(targetAddress)
  }

  static let packets: [[UInt8]] = {
    var packets: [[UInt8]] = []
    for operation in [1, 2, 3, 4, 8, 9, 10, 0, 5, 77] as [UInt16] {
      packets.append(packet(operation, addresses()))
      packets.append(packet(operation, addresses(one, 1, two, 2)))
    }
    // A probe, an announcement, a gratuitous reply.
    packets.append(packet(1, addresses(one, 0)))
    packets.append(packet(1, addresses(one, 2)))
    packets.append(packet(2, addresses(one, 2, two, 2)))
    // The same with an owner, and for nobody's address.
    packets.append(packet(1, addresses(one, 0, two)))
    packets.append(packet(1, addresses(one, 2, two, 2)))
    packets.append(packet(1, addresses(one, 0, nobody, 0)))
    for hardware in [6, 7, 15, 23, 24, 32, 99] as [UInt16] {
      packets.append(packet(1, hardware: hardware, addresses()))
    }
    for type in [0x1000, 0x86dd, 0x1234] as [UInt16] { packets.append(packet(2, protocol: type, addresses())) }
    for lengths in [(0, 4), (6, 0), (4, 4), (8, 4), (6, 16), (255, 255), (0, 0), (1, 4)] as [(UInt8, UInt8)] {
      for operation in [1, 2, 3, 4, 8, 9] as [UInt16] {
        packets.append(packet(operation, lengths: lengths, Array(PacketSamples.numbers)))
      }
    }
    packets.append(packet(1, Array(addresses().dropLast())))
    // Frame Relay's addresses: the number of a connection in two to four bytes.
    for number in [
      [0x18, 0x41], [0x18, 0x40, 0x05], [0x18, 0x40, 0x06, 0x09], [0x18, 0x40, 2, 2, 1], [1], [2], [0x18, 0],
    ]
      as [[UInt8]]
    {
      for operation in [1, 9] as [UInt16] {
        packets.append(
          packet(
            operation, hardware: 15, lengths: (UInt8(number.count), 4), addresses(number, 1, number, 2)))
      }
    }
    appendATM(&packets)
    return packets
  }()

  /// RFC 2225: a number and a subaddress for each side, and a length for each protocol address.
  private static func appendATM(_ packets: inout [[UInt8]]) {
    let number = Array(PacketSamples.numbers.prefix(20))
    for operation in [1, 2, 8, 9, 10, 3, 77] as [UInt16] {
      for (sender, subaddress, target, lengths, type) in [
        (20, 0, 20, [4, 4], 0x0800), (8, 6, 0, [4, 4], 0x0800), (0, 0, 20, [4, 4], 0x0800),
        (20, 0, 20, [4, 0], 0x0800),
        (20, 0, 20, [0, 4], 0x0800), (20, 0, 20, [4, 4], 0x86dd),
      ] as [(UInt8, UInt8, UInt8, [UInt8], UInt16)] {
        let fixed: [UInt8] =
          [0, 19] + type.bigEndianBytes + [0x40 | sender, subaddress] + operation.bigEndianBytes
          + [lengths[0], target, subaddress, lengths[1]]
        let one = number.prefix(Int(sender)) + number.prefix(Int(subaddress)) + [10, 0, 0, 1].prefix(Int(lengths[0]))
        let two = number.prefix(Int(target)) + number.prefix(Int(subaddress)) + [10, 0, 0, 2].prefix(Int(lengths[1]))
        packets.append(fixed + one + two)
      }
    }
  }

  static let frames: [[UInt8]] = {
    var frames = packets.map { PacketBuilder.frame(0x0806, $0) }
    frames.append(PacketBuilder.frame(0x8035, packets[4]))
    frames.append(PacketBuilder.frame(0x8035, packets[6]))
    frames.append(PacketBuilder.frame(0x0806, packets[0] + Array(repeating: 0, count: 18)))
    frames.append(PacketBuilder.frame(0x8100, PacketBuilder.tag(0x2064, 0x0806, packets[0])))
    return frames
  }()
}
