/// Reads a capture file, classic pcap or pcapng, from bytes that the caller has: all of a mapped file, or a part that
/// moves on (`CaptureFileWindow`). Packets are handed out where they lie; nothing is copied or allocated for one.
///
///     reading: while true {
///       switch try reader.next(in: bytes, at: offset, isLast: isLast) {
///       case .packet(let packet): use(bytes.extracting(packet.range), reader.interfaces[packet.interface])
///       case .statistics: continue
///       case .needsMore(let end): // read on, so that the bytes reach to `end`
///       case .end: break reading
///       }
///     }
package struct CaptureFileReader: Sendable {
  package enum Format: Hashable, Sendable {
    /// The classic format: its fraction of a second, whether its numbers are in the other order than the host's, and
    /// whether it is Kuznetzov's, with the longer heads.
    case pcap(TimeResolution, isSwapped: Bool, isModified: Bool)
    case pcapng
  }

  package enum Step: Hashable, Sendable {
    case packet(FilePacket)
    /// An interface statistics block, which is in `statistics` now: it is large, and packets go through here.
    case statistics
    /// Nothing whole is left in the span. The next one has to begin at `position` of the file at the latest and to reach
    /// at least to this offset, or to the file's end.
    case needsMore(through: Int)
    /// The file ended where it may.
    case end
  }

  /// libpcap's MAXIMUM_SNAPLEN: no packet is longer, except on a few buses that are no networks.
  package static let largestPacket = 262_144
  /// libpcap's INITIAL_MAX_BLOCKSIZE. Blocks that are skipped may have any length.
  package static let largestBlock = 16 << 20
  /// So that what is kept of a section has a bound.
  package static let mostInterfaces = 65_536

  /// Nil until the head was read.
  package internal(set) var format: Format?
  /// What the present section tells of its making; empty for classic files.
  package internal(set) var section = CaptureSection()
  /// Which section of the file it is, from 1 on; always 1 for classic files.
  package internal(set) var sectionNumber = 0
  /// Those that the present section has described so far; a classic file has one. A new section begins with none.
  package internal(set) var interfaces: [CaptureInterface] = []
  /// The last interface statistics block.
  package internal(set) var statistics: InterfaceStatistics?
  /// Where the next record begins, in bytes from the start of the file.
  package internal(set) var position = 0
  /// How many packets were handed out.
  package internal(set) var packetCount = 0

  var state = State.head
  /// How many blocks were begun.
  var blockCount = 0

  enum State {
    case head
    case records(PcapRecords)
    case blocks(ByteOrder)
    /// The length behind a block that was skipped.
    case trailer(ByteOrder, length: UInt32, type: UInt32)
  }

  package init() {}

  /// The next packet or other thing in the bytes.
  /// - Parameters:
  ///   - bytes: a part of the file.
  ///   - start: where in the file they begin, not behind `position`.
  ///   - isLast: whether the file ends with them.
  /// - Throws: where the file cannot be read on; from then on it is thrown again.
  package mutating func next(
    in bytes: RawSpan, at start: Int, isLast: Bool
  ) throws(CaptureFileError) -> Step {
    precondition(start <= position, "bytes of the file are left out")
    while true {
      let offset = min(position - start, bytes.byteCount)
      let rest = bytes.extracting(droppingFirst: offset)
      // A skipped block may end far behind the bytes.
      let isThere = position - start <= bytes.byteCount
      if isLast, isThere, rest.isEmpty, endsHere { return .end }
      do throws(CaptureFileError.Reason) {
        guard let step = isThere ? try look(rest, at: offset) : needs(4) else { continue }
        if isLast, case .needsMore(let end) = step {
          throw truncation(end - position, bytes.byteCount - (position - start))
        }
        return step
      } catch {
        throw CaptureFileError(offset: placeOffset, place: place(rest), reason: error)
      }
    }
  }

  /// The comments of a packet's block, if it has any.
  /// - Parameter bytes: the span that the packet was found in, which nothing was read from since.
  package func comments(of packet: FilePacket, in bytes: RawSpan) -> [String] {
    guard case .blocks(let order) = state else { return [] }
    let block = bytes.extracting(packet.options)
    var options = BlockOptions(order: order, at: 0)
    var comments: [String] = []
    // They were gone through before the packet was handed out.
    while let option = try? options.next(in: block) {
      if option.code == OptionCode.comment { comments.append(options.text(of: option, in: block)) }
    }
    return comments
  }

  /// More bytes from `position` on than there are.
  func needs(_ count: Int) -> Step { .needsMore(through: position + count) }

  /// What lies at `position`; nil where it was read and nobody has to be told of it.
  private mutating func look(_ rest: RawSpan, at offset: Int) throws(CaptureFileError.Reason) -> Step? {
    switch state {
    case .head: try head(rest)
    case .records(let records): try record(rest, records, at: offset)
    case .blocks(let order): try block(rest, order, at: offset)
    case .trailer(let order, let length, _): try trailer(rest, order, length: length)
    }
  }

  /// The first four bytes tell the format, and for a classic file the order.
  private mutating func head(_ rest: RawSpan) throws(CaptureFileError.Reason) -> Step? {
    guard rest.byteCount >= 4 else { return needs(4) }
    let magic = try ByteOrder(isSwapped: false).word(rest, at: 0)
    if magic == BlockType.sectionHeader {
      format = .pcapng
      // The first section header tells the order.
      state = .blocks(ByteOrder(isSwapped: false))
      return nil
    }
    for isSwapped in [false, true] {
      switch isSwapped ? magic.byteSwapped : magic {
      case PcapFormat.microsecondMagic:
        return try pcapHead(rest, .pcap(.microseconds, isSwapped: isSwapped, isModified: false))
      case PcapFormat.nanosecondMagic:
        return try pcapHead(rest, .pcap(.nanoseconds, isSwapped: isSwapped, isModified: false))
      case PcapFormat.modifiedMagic:
        return try pcapHead(rest, .pcap(.microseconds, isSwapped: isSwapped, isModified: true))
      default: continue
      }
    }
    let first = magic.bigEndian
    throw ForeignFormat.name(magic: first).map { .otherFormat($0) } ?? .unknownMagic(first)
  }

  /// Whether a file may end at `position`.
  private var endsHere: Bool {
    switch state {
    case .records, .blocks: true
    case .head, .trailer: false
    }
  }

  private func truncation(_ needed: Int, _ available: Int) -> CaptureFileError.Reason {
    guard case .trailer(_, let length, _) = state else {
      return .truncated(needed: needed, available: max(available, 0))
    }
    return .truncated(needed: Int(length), available: Int(length) - 4 + available)
  }

  /// Where what is read now begins.
  private var placeOffset: Int {
    guard case .trailer(_, let length, _) = state else { return position }
    return position + 4 - Int(length)
  }

  private func place(_ rest: RawSpan) -> CaptureFileError.Place {
    switch state {
    case .head: .head
    case .records: .record(packetCount + 1)
    case .blocks(let order):
      .block(blockCount + 1, type: (try? order.word(rest, at: 0)) ?? 0)
    case .trailer(_, _, let type): .block(blockCount, type: type)
    }
  }
}
