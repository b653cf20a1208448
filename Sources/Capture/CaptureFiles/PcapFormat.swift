/// Numbers of the classic format, draft-ietf-opsawg-pcap and pcap-savefile(5).
///
///     0       4       6       8           16            20          24
///     | magic | major | minor | (nothing) | snap length | link type | records ...
///
///     0         4          8                 12                16 (modified: 24)
///     | seconds | fraction | captured length | original length | packet ...
enum PcapFormat {
  static let headByteCount = 24
  static let recordByteCount = 16
  static let microsecondMagic: UInt32 = 0xa1b2_c3d4
  static let nanosecondMagic: UInt32 = 0xa1b2_3c4d
  /// Alexey Kuznetzov's libpcap of Linux 2.2: each record's head goes on with interface, protocol and packet type.
  static let modifiedMagic: UInt32 = 0xa1b2_cd34
  static let modifiedRecordByteCount = 24
  /// PACKET_OUTGOING and PACKET_OTHERHOST, linux/if_packet.h; the types below are packets that came for this machine.
  static let outgoingPacketType: UInt8 = 4
  static let otherHostPacketType: UInt8 = 3

  /// The upper 16 bits of the link type: four bits say how many 16-bit words of frame check sequence there are, if bit 26
  /// says that they do.
  static let hasFrameCheckLength: UInt32 = 1 << 26
  static let frameCheckLengthShift: UInt32 = 28
}
