import ByteReading

struct PacketJSON {
  func write(
    _ packet: Packet, _ frame: RawSpan, arrival: PacketArrival, interfaceName: RawSpan, number: UInt64,
    connections: inout ConnectionTable, into out: inout OutputBuffer
  ) {}
}
