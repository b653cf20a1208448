import ByteReading

struct PacketHeaders {
  func write(
    _ packet: Packet, _ frame: RawSpan, arrival: PacketArrival, interfaceName: RawSpan, number: UInt64,
    time: inout CivilTime, into out: inout OutputBuffer
  ) {}
}
