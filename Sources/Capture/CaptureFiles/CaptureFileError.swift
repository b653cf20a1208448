/// Why a capture file cannot be read on. What was read before it has been handed out.
package struct CaptureFileError: Error, Hashable, Sendable {
  /// What the reader was at.
  package enum Place: Hashable, Sendable {
    /// The first bytes of the file.
    case head
    /// A record of a classic file, from 1 on.
    case record(Int)
    /// A block of a pcapng file, from 1 on, and its type.
    case block(Int, type: UInt32)
  }

  /// Where that begins, in bytes from the start of the file.
  package let offset: Int
  package let place: Place
  package let reason: Reason

  package init(offset: Int, place: Place, reason: Reason) {
    self.offset = offset
    self.place = place
    self.reason = reason
  }

  package enum Reason: Error, Hashable, Sendable {
    /// The file ends before it.
    case truncated(needed: Int, available: Int)
    /// Neither pcap nor pcapng: the first four bytes, the first one highest.
    case unknownMagic(UInt32)
    /// A capture file, or an archive of one, of a format that is not read.
    case otherFormat(String)
    case unsupportedVersion(major: UInt16, minor: UInt16)
    /// The section header's byte-order magic is none in either order: as it lies in the file, the first byte highest.
    case byteOrderMagic(UInt32)
    /// A block says that it is shorter than any block, or its length is no multiple of four.
    case blockLength(UInt32)
    /// A block that has to be looked at as a whole is longer than `CaptureFileReader.largestBlock`.
    case blockTooLong(UInt32)
    /// A block's length leaves no room for what its type needs.
    case blockTooShort(needed: Int, available: Int)
    /// A packet says more captured bytes than its block has.
    case packetBeyondBlock(captured: UInt32, available: Int)
    /// A packet says more captured bytes than `CaptureFileReader.largestPacket`.
    case packetTooLong(captured: UInt32)
    /// The length behind a block is not the one before it.
    case trailingLength(UInt32, leading: UInt32)
    /// A block is about an interface that its section has not described before.
    case noSuchInterface(UInt32, count: Int)
    /// More than `CaptureFileReader.mostInterfaces` in one section.
    case tooManyInterfaces
    /// An option says more bytes than its block has.
    case optionBeyondBlock(code: UInt16, length: Int, available: Int)
    /// An option of fixed length has another one.
    case optionLength(code: UInt16, length: Int, expected: Int)
  }
}

extension CaptureFileError: CustomStringConvertible {
  package var description: String { "\(place) at byte \(offset): \(reason)" }
}

extension CaptureFileError.Place: CustomStringConvertible {
  package var description: String {
    switch self {
    case .head: "file head"
    case .record(let number): "packet \(number)"
    case .block(let number, let type): "block \(number) (\(BlockType.name(type)))"
    }
  }
}

extension CaptureFileError.Reason: CustomStringConvertible {
  package var description: String {
    switch self {
    case .truncated(let needed, let available):
      "the file ends too early: \(needed) bytes are due, \(available) are there"
    case .unknownMagic(let magic):
      "neither pcap nor pcapng: begins with \(hex(magic))"
    case .otherFormat(let name):
      "\(name), which is not read"
    case .unsupportedVersion(let major, let minor):
      "format version \(major).\(minor) is not known"
    case .byteOrderMagic(let magic):
      "byte-order magic \(hex(magic)) is neither 0x1a2b3c4d nor 0x4d3c2b1a"
    case .blockLength(let length):
      "block length \(length) is not possible: less than \(BlockType.overhead), or no multiple of 4"
    case .blockTooLong(let length):
      "block length \(length) is more than \(CaptureFileReader.largestBlock)"
    case .blockTooShort(let needed, let available):
      "the block is too short: its fields need \(needed) bytes, \(available) are there"
    case .packetBeyondBlock(let captured, let available):
      "says \(captured) captured bytes, but the block has \(available)"
    case .packetTooLong(let captured):
      "says \(captured) captured bytes, more than \(CaptureFileReader.largestPacket)"
    case .trailingLength(let trailing, let leading):
      "the length behind the block is \(trailing), before it \(leading)"
    case .noSuchInterface(let interface, let count):
      "interface \(interface), but the section has described \(count)"
    case .tooManyInterfaces:
      "more than \(CaptureFileReader.mostInterfaces) interfaces in one section"
    case .optionBeyondBlock(let code, let length, let available):
      "option \(code) says \(length) bytes, but the block has \(available)"
    case .optionLength(let code, let length, let expected):
      "option \(code) has \(length) bytes instead of \(expected)"
    }
  }

  private func hex(_ word: UInt32) -> String {
    let digits = String(word, radix: 16)
    return "0x" + String(repeating: "0", count: 8 - digits.count) + digits
  }
}
