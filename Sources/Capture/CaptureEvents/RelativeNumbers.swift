import ByteReading

/// Sequence and acknowledgment numbers as they are printed: counted from where the connection was first seen, or as
/// they are in the header.
struct RelativeNumbers {
  var sequence: UInt32
  var acknowledgment: UInt32
  /// What selective acknowledgments are counted from: the other side's first sequence number; 0 for absolute ones.
  var selectiveBase: UInt32 = 0

  /// The numbers of the header.
  init(absolute tcp: TCPHeader) {
    sequence = tcp.sequenceNumber
    acknowledgment = tcp.acknowledgmentNumber
  }

  /// tcpdump's numbers. Only segments with ACK count: the first one of a connection, and each with SYN, is printed
  /// absolute and sets both bases, its own sequence number and the other side's as one less than what it acknowledges.
  init(asTcpdump packet: Packet, in frame: RawSpan, _ connections: inout ConnectionTable) throws(TruncatedError) {
    let tcp = packet.tcp
    self.init(absolute: tcp)
    guard tcp.flags.contains(.ack) else { return }
    let key = try ConnectionKey(packet, in: frame)
    self = connections.withBases(of: key) { [self] bases, isNew in
      var numbers = self
      if isNew || tcp.flags.contains(.syn) {
        if key.isReversed {
          bases.second = tcp.sequenceNumber
          bases.first = tcp.acknowledgmentNumber &- 1
        } else {
          bases.first = tcp.sequenceNumber
          bases.second = tcp.acknowledgmentNumber &- 1
        }
      } else {
        numbers.sequence &-= key.isReversed ? bases.second : bases.first
        numbers.acknowledgment &-= key.isReversed ? bases.first : bases.second
      }
      numbers.selectiveBase = key.isReversed ? bases.first : bases.second
      return numbers
    }
  }

  /// Wireshark's numbers: a SYN is 0, and a connection that was joined later starts at 1 in both directions.
  /// Without ACK, what stands in the acknowledgment's place is shown as it is.
  init(asWireshark packet: Packet, in frame: RawSpan, _ connections: inout ConnectionTable) throws(TruncatedError) {
    let tcp = packet.tcp
    self.init(absolute: tcp)
    let key = try ConnectionKey(packet, in: frame)
    self = connections.withBases(of: key) { [self] bases, _ in
      var numbers = self
      var own = key.isReversed ? bases.second : bases.first
      var other = key.isReversed ? bases.first : bases.second
      var knowsOwn = key.isReversed ? bases.knowsSecond : bases.knowsFirst
      var knowsOther = key.isReversed ? bases.knowsFirst : bases.knowsSecond
      if tcp.flags.contains(.syn) {
        // Another first number than before: the ports are used again, by a new connection.
        if !tcp.flags.contains(.ack), knowsOwn, own != tcp.sequenceNumber { knowsOther = false }
        own = tcp.sequenceNumber
        knowsOwn = true
      } else if !knowsOwn {
        own = tcp.sequenceNumber &- 1
        knowsOwn = true
      }
      if tcp.flags.contains(.ack), !knowsOther {
        other = tcp.acknowledgmentNumber &- 1
        knowsOther = true
      }
      bases =
        key.isReversed
        ? ConnectionTable.Bases(first: other, second: own, knowsFirst: knowsOther, knowsSecond: knowsOwn)
        : ConnectionTable.Bases(first: own, second: other, knowsFirst: knowsOwn, knowsSecond: knowsOther)
      numbers.sequence &-= own
      if tcp.flags.contains(.ack) { numbers.acknowledgment &-= other }
      numbers.selectiveBase = other
      return numbers
    }
  }
}
