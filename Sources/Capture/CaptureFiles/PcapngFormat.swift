/// Numbers of pcapng, draft-ietf-opsawg-pcapng. Both sides use them: the reader and the writer.
///
///     0      4        8            length - 4    length
///     | type | length | body ...   | length      |
///
/// A block's length counts all of it and is a multiple of four.
package enum BlockType {
  package static let sectionHeader: UInt32 = 0x0a0d_0d0a
  package static let interfaceDescription: UInt32 = 1
  package static let obsoletePacket: UInt32 = 2
  package static let simplePacket: UInt32 = 3
  package static let interfaceStatistics: UInt32 = 5
  package static let enhancedPacket: UInt32 = 6

  /// Type, length, and the length once more behind the body.
  static let overhead = 12

  static func name(_ type: UInt32) -> String {
    switch type {
    case sectionHeader: "section header"
    case interfaceDescription: "interface description"
    case obsoletePacket: "obsolete packet"
    case simplePacket: "simple packet"
    case interfaceStatistics: "interface statistics"
    case enhancedPacket: "enhanced packet"
    default: "type 0x" + String(type, radix: 16)
    }
  }
}

/// Codes of options; those above 1 mean something else in each type of block.
enum OptionCode {
  static let end: UInt16 = 0
  static let comment: UInt16 = 1

  static let sectionHardware: UInt16 = 2
  static let sectionOperatingSystem: UInt16 = 3
  static let sectionApplication: UInt16 = 4

  static let interfaceName: UInt16 = 2
  static let interfaceDescription: UInt16 = 3
  static let interfaceResolution: UInt16 = 9
  static let interfaceFilter: UInt16 = 11
  static let interfaceFrameCheckLength: UInt16 = 13
  static let interfaceTimeOffset: UInt16 = 14

  /// `epb_flags`, and `pack_flags` of the obsolete block: bits 0 and 1 are 1 for inbound, 2 for outbound.
  static let packetFlags: UInt16 = 2

  static let statisticsStart: UInt16 = 2
  static let statisticsEnd: UInt16 = 3
  static let statisticsReceived: UInt16 = 4
  static let statisticsInterfaceDropped: UInt16 = 5
  static let statisticsFilterAccepted: UInt16 = 6
  static let statisticsSystemDropped: UInt16 = 7
  static let statisticsDelivered: UInt16 = 8
}

enum PcapngFormat {
  /// In the section header, in the byte order of the section.
  static let byteOrderMagic: UInt32 = 0x1a2b_3c4d
  /// `if_filter` begins with what kind of filter follows: 0 is libpcap's text.
  static let textFilter: UInt8 = 0

  /// What follows is padded with zeros to a multiple of four.
  static func padded(_ count: Int) -> Int { count + (4 - count % 4) % 4 }
}
