import ByteReading

extension PacketHeaders {
  func writeLink(_ packet: Packet, _ frame: RawSpan, into out: inout OutputBuffer) throws(TruncatedError) {
    guard packet.end != .linkTruncated else { return }
    let link = packet.link
    switch link.kind {
    case .ethernet:
      out.append("Source MAC: ")
      try out.appendEthernet(frame, at: 6)
      out.append("\nDestination MAC: ")
      try out.appendEthernet(frame, at: 0)
    case .linuxSLL, .linuxSLL2: try writeCooked(link.kind, frame, into: &out)
    case .loopback:
      let family = try AddressFamily(frame)
      out.append("Address Family: ")
      out.appendDecimal(family.rawValue)
      if let name = family.name {
        out.append(" (")
        out.append(name)
        out.append(")")
      }
      out.append("\n")
      return
    case .none: return
    }
    for index in 0..<link.tagCount {
      let tag = try frame.readBigEndian(UInt16.self, at: link.tagOffset(index))
      out.append("\nVLAN: ")
      out.appendDecimal(tag & 0xfff)
      out.append(" (priority ")
      out.appendDecimal(tag >> 13)
      out.append(tag & 0x1000 != 0 ? ", drop eligible)" : ")")
    }
    if link.llcOffset > 0 {
      if link.kind == .ethernet { line("Length", link.end - link.llcOffset, into: &out) }
      if let header = LLCHeader(frame, at: link.llcOffset) {
        out.append("\n")
        line("LLC Destination", hex: UInt64(header.destination), width: 2, into: &out)
        out.append("\n")
        line("LLC Source", hex: UInt64(header.source), width: 2, into: &out)
        out.append("\n")
        line("LLC Control", hex: UInt64(header.control), width: header.isUnnumbered ? 2 : 4, into: &out)
      }
    }
    if link.etherType > EtherType.maximumLength {
      out.append("\n")
      line("EtherType", hex: UInt64(link.etherType), width: 4, into: &out)
      if let name = EtherType.name(link.etherType) {
        out.append(" (")
        out.append(name)
        out.append(")")
      }
    }
    out.append("\n")
  }

  private func writeCooked(
    _ kind: LinkHeader.Kind, _ frame: RawSpan, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    let isSecond = kind == .linuxSLL2
    let type = isSecond ? UInt16(try frame.read(UInt8.self, at: 10)) : try frame.readBigEndian(UInt16.self, at: 0)
    out.append("Packet Type: ")
    switch type {
    case 0: out.append("to this host")
    case 1: out.append("broadcast")
    case 2: out.append("multicast")
    case 3: out.append("to another host")
    case 4: out.append("outgoing")
    default: out.appendDecimal(type)
    }
    if isSecond { line("Interface Index", Int(try frame.readBigEndian(UInt32.self, at: 4)), into: &out) }
    line("Hardware Type", Int(try frame.readBigEndian(UInt16.self, at: isSecond ? 8 : 2)), into: &out)
    let length = isSecond ? UInt16(try frame.read(UInt8.self, at: 11)) : try frame.readBigEndian(UInt16.self, at: 4)
    guard length == 6 else { return }
    out.append("\nSource MAC: ")
    try out.appendEthernet(frame, at: isSecond ? 12 : 6)
  }
}
