package import CaptureEvents

/// Writes capture files: appends to a buffer that the caller writes out and empties when it likes. Nothing is allocated
/// for a packet.
///
/// The numbers lie in little-endian order.
package struct CaptureFileWriter: Sendable {
  package enum Format: Hashable, Sendable {
    /// With nanoseconds.
    case pcapng
    /// The classic format with whole microseconds: what every reader knows.
    case pcapMicroseconds
    /// The classic format with nanoseconds.
    case pcapNanoseconds
  }

  package let format: Format
  /// Written to each file's head. A classic file has room for the first one's link type and snap length only.
  package private(set) var interfaces: [CaptureInterface]
  private let section: CaptureSection
  /// How many bytes the present file has: what was appended since its head was begun.
  package private(set) var byteCount = 0

  /// - Parameters:
  ///   - section: what pcapng says of the file's making.
  ///   - interfaces: in the order of the indices that packets name; a classic file needs one. libpcap, and so tcpdump,
  ///     refuses a pcapng file whose interfaces differ in link type or snap length.
  package init(format: Format, section: CaptureSection = CaptureSection(), interfaces: [CaptureInterface]) {
    precondition(format == .pcapng || !interfaces.isEmpty, "a classic file has a link type")
    self.format = format
    self.section = section
    self.interfaces = interfaces
  }

  /// Begins a file: its head, with all interfaces known by now. To be called first, and for each further file.
  package mutating func beginFile(into buffer: inout OutputBuffer) {
    byteCount = 0
    counting(&buffer) { writer, buffer in
      switch writer.format {
      case .pcapng:
        PcapngBlock.write(writer.section, into: &buffer)
        for interface in writer.interfaces { PcapngBlock.write(interface, into: &buffer) }
      case .pcapMicroseconds, .pcapNanoseconds: writer.writePcapHead(into: &buffer)
      }
    }
  }

  /// Describes one more interface in the middle of a pcapng file, and in the heads of those to come.
  /// - Returns: its index.
  package mutating func add(_ interface: CaptureInterface, into buffer: inout OutputBuffer) -> Int {
    precondition(format == .pcapng, "a classic file has one interface")
    interfaces.append(interface)
    counting(&buffer) { _, buffer in PcapngBlock.write(interface, into: &buffer) }
    return interfaces.count - 1
  }

  /// One packet.
  /// - Parameters:
  ///   - bytes: cut to the interface's snap length, and to 262144 bytes, which is what readers take.
  ///   - nanoseconds: since 1970; times before are written as 1970. A classic file ends with 2106.
  ///   - originalLength: the packet on the wire, in bytes; at least what is written.
  ///   - direction: told by pcapng only.
  ///   - comment: told by pcapng only; UTF-8, cut to 65535 bytes. Empty for none.
  package mutating func write(
    _ bytes: RawSpan, nanoseconds: Int64, originalLength: Int, interface: Int = 0,
    direction: CaptureRecord.Direction? = nil, comment: RawSpan = RawSpan(), into buffer: inout OutputBuffer
  ) {
    precondition(interface < interfaces.count, "an interface that was not described")
    let limit = Self.limit(interfaces[interface].snapLength)
    let kept = bytes.extracting(first: min(bytes.byteCount, limit))
    let original = UInt32(clamping: max(originalLength, bytes.byteCount))
    let time = UInt64(max(nanoseconds, 0))
    let before = buffer.count
    if format == .pcapng {
      PcapngBlock.write(
        kept, ticks: time, original: original, interface: UInt32(interface), direction: direction, comment: comment,
        into: &buffer)
    } else {
      let (seconds, rest) = time.quotientAndRemainder(dividingBy: 1_000_000_000)
      let fraction = format == .pcapNanoseconds ? rest : rest / 1000
      buffer.append(littleEndian: UInt32(clamping: seconds))
      buffer.append(littleEndian: UInt32(fraction))
      buffer.append(littleEndian: UInt32(kept.byteCount))
      buffer.append(littleEndian: original)
      buffer.append(kept)
    }
    byteCount += buffer.count - before
  }

  /// Packets as capture programs write them down, into a pcapng file. Ends where one is of another interface.
  /// - Parameters:
  ///   - records: where a ``CaptureRecord`` lies in the memory.
  ///   - limit: the packet with which the buffer holds so many bytes is the last one.
  ///   - ends: gets how many bytes the buffer held behind each packet.
  /// - Returns: how many were written.
  package mutating func write(
    _ memory: RawSpan, _ records: Span<Range<Int>>, _ origin: CaptureOrigin, until limit: Int, ends: inout [Int],
    into buffer: inout OutputBuffer
  ) -> Int {
    precondition(format == .pcapng, "a classic file has no room for what records say")
    precondition(origin.number < interfaces.count, "an interface that was not described")
    let snapLength = Self.limit(interfaces[Int(origin.number)].snapLength)
    let before = buffer.count
    var count = 0
    ends.append(addingCapacity: records.count) { ends in
      while count < records.count {
        let bytes = memory.extracting(records[count])
        let record = CaptureRecord(written: bytes)
        guard record.interface == origin.interface else { break }
        PcapngBlock.write(
          bytes.extracting(record.frameRange).extracting(first: min(record.capturedLength, snapLength)),
          ticks: UInt64(max(origin.nanoseconds(of: record), 0)), original: UInt32(record.wireLength),
          interface: origin.number, direction: record.direction, into: &buffer)
        ends.append(buffer.count)
        count += 1
        if buffer.count >= limit { break }
      }
    }
    byteCount += buffer.count - before
    return count
  }

  /// What became of an interface's packets, usually at the end of a file. Nothing in a classic one, which has no room for it.
  package mutating func write(_ statistics: InterfaceStatistics, into buffer: inout OutputBuffer) {
    precondition(statistics.interface < interfaces.count, "an interface that was not described")
    guard format == .pcapng else { return }
    counting(&buffer) { _, buffer in PcapngBlock.write(statistics, into: &buffer) }
  }

  private mutating func counting(_ buffer: inout OutputBuffer, _ write: (Self, inout OutputBuffer) -> Void) {
    let before = buffer.count
    write(self, &buffer)
    byteCount += buffer.count - before
  }

  private func writePcapHead(into buffer: inout OutputBuffer) {
    let interface = interfaces[0]
    buffer.append(
      littleEndian: format == .pcapNanoseconds ? PcapFormat.nanosecondMagic : PcapFormat.microsecondMagic)
    buffer.append(littleEndian: 2 as UInt16)
    buffer.append(littleEndian: 4 as UInt16)
    buffer.append(littleEndian: 0 as UInt32)
    buffer.append(littleEndian: 0 as UInt32)
    // 0 says no limit in pcapng only.
    buffer.append(littleEndian: UInt32(Self.limit(interface.snapLength)))
    buffer.append(littleEndian: UInt32(interface.linkType.rawValue))
  }

  private static func limit(_ snapLength: UInt32) -> Int {
    snapLength == 0 ? CaptureFileReader.largestPacket : min(Int(snapLength), CaptureFileReader.largestPacket)
  }
}
