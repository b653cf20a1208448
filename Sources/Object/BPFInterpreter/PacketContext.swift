/// What a program gets in r1, as it sees it: a structure of numbers that the kernel shows it in place of its own. The
/// members for pointers have 32 bits there; a program that loads one gets the whole pointer.
package enum PacketContext: Hashable, Sendable {
  /// No member at all.
  case none
  case xdp(XDPContext)
  case socketBuffer(SocketBufferContext)

  /// The part of a member that `size` bytes at `offset` hold.
  func load(offset: Int, size: Int, packetByteCount: Int) -> UInt64? {
    switch self {
    case .none: nil
    case .xdp(let context): context.load(offset: offset, size: size, packetByteCount: packetByteCount)
    case .socketBuffer(let context): context.load(offset: offset, size: size, packetByteCount: packetByteCount)
    }
  }

  /// - Returns: whether programs may do that.
  mutating func store(_ value: UInt64, offset: Int, size: Int) -> Bool {
    guard case .socketBuffer(var context) = self, context.store(value, offset: offset, size: size) else { return false }
    self = .socketBuffer(context)
    return true
  }
}

/// `struct xdp_md`, include/uapi/linux/bpf.h. No packet has metadata in front of it.
package struct XDPContext: Hashable, Sendable {
  package var ingressInterface: UInt32 = 0
  package var receiveQueue: UInt32 = 0
  package var egressInterface: UInt32 = 0
  /// The length of the whole frame, where the packet is only the part of it that lies in one piece.
  package var frameByteCount: Int?
  package init() {}

  fileprivate func load(offset: Int, size: Int, packetByteCount: Int) -> UInt64? {
    // The kernel refuses parts of members here.
    guard size == 4 else { return nil }
    let packet = ProgramAddress(region: KnownRegion.packet)
    return switch offset {
    case 0, 8: packet.rawValue
    case 4: packet.advanced(by: packetByteCount).rawValue
    case 12: UInt64(ingressInterface)
    case 16: UInt64(receiveQueue)
    case 20: UInt64(egressInterface)
    default: nil
    }
  }
}

/// `struct __sk_buff`, include/uapi/linux/bpf.h; 0 for the members that tell of sockets and of what else is not here.
package struct SocketBufferContext: Hashable, Sendable {
  /// `ETH_P_*` in network order.
  package var networkOrderProtocol: UInt16 = 0
  /// `PACKET_HOST` and the like.
  package var packetType: UInt32 = 0
  package var mark: UInt32 = 0
  package var queueMapping: UInt32 = 0
  package var priority: UInt32 = 0
  package var ingressInterface: UInt32 = 0
  package var interface: UInt32 = 0
  package var trafficControlIndex: UInt32 = 0
  package var trafficControlClass: UInt32 = 0
  package var hash: UInt32 = 0
  /// The VLAN tag that the kernel has taken out of the packet, and the tag's protocol in network order.
  package var vlanTag: UInt16?
  package var vlanNetworkOrderProtocol: UInt16 = 0
  /// `cb`, the first five: the program's own.
  package var controlBlock = SIMD8<UInt32>()
  /// Nanoseconds.
  package var time: UInt64 = 0
  /// The length of the whole packet from the data on, where only its beginning is there.
  package var wholeByteCount: Int?
  /// Where in the packet the data begins, and the header of the network layer: tc and raw packet sockets have the data
  /// begin with the Ethernet header, other sockets behind it.
  package var dataOffset = 0
  package var networkOffset = 14
  package init() {}

  fileprivate func load(offset: Int, size: Int, packetByteCount: Int) -> UInt64? {
    let data = ProgramAddress(region: KnownRegion.packet, offset: UInt32(clamping: dataOffset))
    switch (offset, size) {
    case (76, 4), (140, 4): return data.rawValue
    case (80, 4): return ProgramAddress(region: KnownRegion.packet).advanced(by: packetByteCount).rawValue
    case (152, 8): return time
    default: break
    }
    let start = offset & ~3
    guard [1, 2, 4].contains(size), offset % size == 0,
      let member = member(at: start, byteCount: packetByteCount - dataOffset)
    else { return nil }
    return UInt64(member) >> (8 * (offset - start)) & (size == 4 ? 0xffff_ffff : 1 << (8 * size) - 1)
  }

  private func member(at offset: Int, byteCount: Int) -> UInt32? {
    switch offset {
    case 0: UInt32(clamping: wholeByteCount ?? byteCount)
    case 4: packetType
    case 8: mark
    case 12: queueMapping
    case 16: UInt32(networkOrderProtocol)
    case 20: vlanTag == nil ? 0 : 1
    case 24: UInt32(vlanTag ?? 0)
    case 28: UInt32(vlanNetworkOrderProtocol)
    case 32: priority
    case 36: ingressInterface
    case 40: interface
    case 44: trafficControlIndex
    case 48..<68: controlBlock[(offset - 48) / 4]
    case 68: hash
    case 72: trafficControlClass
    case 160: UInt32(clamping: wholeByteCount ?? byteCount)
    // napi_id to local_port; gso_segs, gso_size.
    case 84..<140, 164, 176: 0
    default: nil
    }
  }

  fileprivate mutating func store(_ value: UInt64, offset: Int, size: Int) -> Bool {
    let number = UInt32(truncatingIfNeeded: value)
    switch (offset, size) {
    case (8, 4): mark = number
    case (12, 4): queueMapping = number
    case (32, 4): priority = number
    case (44, 4): trafficControlIndex = number
    case (72, 4): trafficControlClass = number
    case (152, 8): time = value
    case (48..<68, 4) where offset % 4 == 0: controlBlock[(offset - 48) / 4] = number
    default: return false
    }
    return true
  }
}
