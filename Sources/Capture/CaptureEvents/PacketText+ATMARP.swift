import ByteReading

/// ARP over ATM (RFC 2225, 8.7): an ATM number and a subaddress in the place of each hardware address, and a length for
/// each of the protocol addresses.
extension PacketText {
  /// What follows the fixed 12 bytes: the sender's number, subaddress and protocol address, then the target's.
  private struct Addresses {
    let sender: (number: Range<Int>, subaddress: Range<Int>, address: Range<Int>)
    let target: (number: Range<Int>, subaddress: Range<Int>, address: Range<Int>)

    init(in frame: RawSpan, at offset: Int) throws(TruncatedError) {
      func range(_ place: Int, mask: UInt8, after start: Int) throws(TruncatedError) -> Range<Int> {
        start..<start + Int(try frame.read(UInt8.self, at: offset + place) & mask)
      }
      // The upper two bits of an ATM length say which kind of number it is.
      let senderNumber = try range(4, mask: 0x3f, after: offset + 12)
      let senderSubaddress = try range(5, mask: 0x3f, after: senderNumber.upperBound)
      let senderAddress = try range(8, mask: 0xff, after: senderSubaddress.upperBound)
      let targetNumber = try range(9, mask: 0x3f, after: senderAddress.upperBound)
      let targetSubaddress = try range(10, mask: 0x3f, after: targetNumber.upperBound)
      let targetAddress = try range(11, mask: 0xff, after: targetSubaddress.upperBound)
      sender = (senderNumber, senderSubaddress, senderAddress)
      target = (targetNumber, targetSubaddress, targetAddress)
    }
  }

  /// - Parameter arp: its lengths mean something else here.
  /// - Returns: false for an operation without a form of its own.
  func writeATMARP(_ arp: ARPHeader, _ frame: RawSpan, into out: inout OutputBuffer) throws(TruncatedError) -> Bool {
    _ = try frame.checked(arp.offset, count: 12)
    let addresses = try Addresses(in: frame, at: arp.offset)
    _ = try frame.checked(arp.offset, count: addresses.target.address.upperBound - arp.offset)
    if !options.showsLinkHeader { out.append("ARP, ") }
    let lengths = (addresses.sender.address.count, addresses.target.address.count)
    let isPlain = ARPHeader.isIPv4(arp.protocolType) && lengths == (4, 4)
    if !isPlain || options.verbosity > 0 {
      out.append("ATM, ")
      writeProtocolType(arp, into: &out)
      out.append(" (len ")
      out.appendDecimal(lengths.0)
      out.append("/")
      out.appendDecimal(lengths.1)
      out.append(")")
    }
    guard isPlain || options.verbosity > 0 else { return true }
    if options.verbosity > 0 { out.append(", ") }
    writeOperationName(arp, into: &out)
    let (sender, target) = (addresses.sender, addresses.target)
    switch arp.operation {
    case ARPHeader.request:
      out.append("who-has ")
      try writeAddress(arp, frame, target.address, wrong: "<wrong tplen>", into: &out)
      if !target.number.isEmpty {
        out.append(" (")
        writeNumber(frame, target.number, target.subaddress, into: &out)
        out.append(")")
      }
      out.append(" tell ")
      try writeAddress(arp, frame, sender.address, wrong: "<wrong splen>", into: &out)
    case ARPHeader.reply:
      try writeAddress(arp, frame, sender.address, wrong: "<wrong splen>", into: &out)
      out.append(" is-at ")
      writeNumber(frame, sender.number, sender.subaddress, into: &out)
    case ARPHeader.inverseRequest:
      out.append("who-is ")
      writeNumber(frame, target.number, target.subaddress, into: &out)
      out.append(" tell ")
      writeNumber(frame, sender.number, sender.subaddress, into: &out)
    case ARPHeader.inverseReply:
      writeNumber(frame, sender.number, sender.subaddress, into: &out)
      out.append("at ")
      try writeAddress(arp, frame, sender.address, wrong: "<wrong splen>", into: &out)
    case ARPHeader.refusal:
      out.append("for ")
      try writeAddress(arp, frame, sender.address, wrong: "<wrong splen>", into: &out)
    default: return false
    }
    return true
  }

  private func writeAddress(
    _ arp: ARPHeader, _ frame: RawSpan, _ range: Range<Int>, wrong: StaticString, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    if !ARPHeader.isIPv4(arp.protocolType) {
      out.append("<wrong proto type>")
    } else if range.count != 4 {
      out.append(wrong)
    } else {
      out.appendIPv4(try frame.readBigEndian(UInt32.self, at: range.lowerBound))
    }
  }

  private func writeNumber(
    _ frame: RawSpan, _ number: Range<Int>, _ subaddress: Range<Int>, into out: inout OutputBuffer
  ) {
    guard !number.isEmpty else {
      out.append("<No address>")
      return
    }
    out.appendColonHex(frame.extracting(number))
    guard !subaddress.isEmpty else { return }
    out.append(",")
    out.appendColonHex(frame.extracting(subaddress))
  }
}
