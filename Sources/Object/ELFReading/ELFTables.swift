package import ByteReading

/// Where the parts of a little-endian ELF file lie, of 32 or 64 bits: what its header, its section table and its program
/// headers say. Nothing else of the file is read, which may be huge and is not to be trusted.
package struct ELFTables: Sendable {
  /// Reads a part of the file, which lies within its bytes; fewer come where it has been cut meanwhile.
  package typealias Reader = (Range<Int>) throws(ELFError) -> SharedBytes

  package struct Section: Sendable {
    package let name: String
    /// `SHT_*`
    package let type: UInt32
    package let address: UInt64
    package let offset: UInt64
    package let size: UInt64
    package let link: UInt32
    package let recordSize: UInt64
  }

  /// A part of the file that is loaded into memory: `PT_LOAD`.
  package struct Segment: Sendable {
    package let address: UInt64
    package let offset: UInt64
    /// In the file; in memory it may be more.
    package let size: UInt64
    package let isExecutable: Bool
  }

  package let is64Bit: Bool
  /// `ET_*`
  package let type: UInt16
  /// `EM_*`
  package let machine: UInt16
  package let sections: [Section]
  package let segments: [Segment]
  private let byteCount: Int

  /// - Parameter byteCount: how long the file is.
  package init(byteCount: Int, read: Reader) throws(ELFError) {
    self.byteCount = byteCount
    let header = try read(0..<min(64, max(byteCount, 0)))
    guard header.matches([0x7f, 0x45, 0x4c, 0x46], at: 0), let formats = header.half(at: 4) else {
      throw .notELF("it does not begin with an ELF header")
    }
    guard formats >> 8 == 1 else { throw .notELF("it is not little-endian") }
    guard formats & 255 == 1 || formats & 255 == 2 else { throw .notELF("it has neither 32 nor 64 bits") }
    is64Bit = formats & 255 == 2
    var record = ELFRecord(bytes: header, is64Bit: is64Bit, start: 0)
    do throws(TruncatedError) {
      type = try record.half(16)
      machine = try record.half(18)
    } catch { throw .notELF("its header is cut") }

    let sectionSize = is64Bit ? 64 : 40
    let segmentSize = is64Bit ? 56 : 32
    var sections: [Section] = []
    var segments: [Segment] = []
    do {
      let sectionsStart = try record.word(40, 32)
      let segmentsStart = try record.word(32, 28)
      guard try sectionsStart == 0 || Int(record.half(is64Bit ? 58 : 46)) == sectionSize,
        try segmentsStart == 0 || Int(record.half(is64Bit ? 54 : 42)) == segmentSize
      else { throw ELFError.badTable("header") }
      var segmentCount = UInt64(try record.half(is64Bit ? 56 : 44))
      var sectionCount = UInt64(try record.half(is64Bit ? 60 : 48))
      var namesIndex = UInt32(try record.half(is64Bit ? 62 : 50))
      if sectionsStart != 0 {
        // What does not fit into the header's fields stands in the first section's.
        let first = try Self.bytes(sectionsStart, UInt64(sectionSize), "section table", byteCount, read)
        record = ELFRecord(bytes: first, is64Bit: is64Bit, start: 0)
        if sectionCount == 0 { sectionCount = try record.word(32, 20) }
        if namesIndex == 0xffff { namesIndex = try record.number(40, 24) }
        if segmentCount == 0xffff { segmentCount = UInt64(try record.number(44, 28)) }
      } else {
        sectionCount = 0
      }
      guard sectionCount <= UInt64(byteCount / sectionSize), segmentCount <= UInt64(byteCount / segmentSize) else {
        throw ELFError.badTable("header")
      }
      let sectionBytes = try Self.bytes(
        sectionsStart, sectionCount * UInt64(sectionSize), "section table", byteCount, read)
      var nameOffsets: [Int] = []
      var unnamed: [Section] = []
      for index in 0..<Int(sectionCount) {
        record = ELFRecord(bytes: sectionBytes, is64Bit: is64Bit, start: index * sectionSize)
        nameOffsets.append(Int(try record.number(0, 0)))
        unnamed.append(
          Section(
            name: "", type: try record.number(4, 4), address: try record.word(16, 12),
            offset: try record.word(24, 16), size: try record.word(32, 20), link: try record.number(40, 24),
            recordSize: try record.word(56, 36)))
      }
      if unnamed.indices.contains(Int(namesIndex)) {
        let place = unnamed[Int(namesIndex)]
        guard place.size < 1 << 24 else {
          throw ELFError.tooLarge("table of section names", byteCount: Int(clamping: place.size))
        }
        let names = try Self.bytes(place.offset, place.size, "table of section names", byteCount, read)
        sections = zip(unnamed, nameOffsets).map { section, name in
          Section(
            name: (try? names.cString(at: name)) ?? "", type: section.type, address: section.address,
            offset: section.offset, size: section.size, link: section.link, recordSize: section.recordSize)
        }
      } else {
        sections = unnamed
      }
      let segmentBytes = try Self.bytes(
        segmentsStart, segmentCount * UInt64(segmentSize), "program headers", byteCount, read)
      for index in 0..<Int(segmentCount) {
        record = ELFRecord(bytes: segmentBytes, is64Bit: is64Bit, start: index * segmentSize)
        let (loaded, executable): (UInt32, UInt32) = (1, 1)  // PT_LOAD, PF_X
        guard try record.number(0, 0) == loaded else { continue }
        segments.append(
          Segment(
            address: try record.word(16, 8), offset: try record.word(8, 4), size: try record.word(32, 16),
            isExecutable: try record.number(4, 24) & executable != 0))
      }
    } catch let error as ELFError {
      throw error
    } catch { throw .badTable("header or table") }
    (self.sections, self.segments) = (sections, segments)
  }

  /// A section's bytes, of at most `limit`.
  package func contents(
    of section: Section, named name: String, limit: Int = 1 << 30, read: Reader
  ) throws(ELFError) -> SharedBytes {
    guard section.size <= UInt64(limit) else { throw .tooLarge(name, byteCount: Int(clamping: section.size)) }
    return try Self.bytes(section.offset, section.size, name, byteCount, read)
  }

  /// Where the contents of a section lie in the file; `nil` where there is none of the name, or it lies elsewhere.
  package func place(of name: String) -> Range<Int>? {
    guard let section = sections.first(where: { $0.name == name }) else { return nil }
    return Self.range(section.offset, section.size, within: byteCount)
  }

  /// Where the byte that is loaded to an address lies in the file; `nil` for an address without one.
  package func fileOffset(of address: UInt64) -> UInt64? {
    let holders = segments.filter { address >= $0.address && address - $0.address < $0.size }
    guard let segment = holders.first(where: \.isExecutable) ?? holders.first,
      case (let offset, false) = segment.offset.addingReportingOverflow(address - segment.address)
    else { return nil }
    return offset
  }

  private static func range(_ offset: UInt64, _ count: UInt64, within byteCount: Int) -> Range<Int>? {
    guard offset <= UInt64(byteCount), count <= UInt64(byteCount) - offset else { return nil }
    return Int(offset)..<Int(offset + count)
  }

  private static func bytes(
    _ offset: UInt64, _ count: UInt64, _ name: String, _ byteCount: Int, _ read: Reader
  ) throws(ELFError) -> SharedBytes {
    guard count > 0 else { return SharedBytes([]) }
    guard let range = range(offset, count, within: byteCount) else { throw .badTable(name) }
    let bytes = try read(range)
    guard bytes.count == range.count else { throw .badTable(name) }
    return bytes
  }
}

/// One record of a table, whose fields stand at other places in files of 64 and of 32 bits.
struct ELFRecord {
  let bytes: SharedBytes
  let is64Bit: Bool
  let start: Int

  func half(_ place: Int) throws(TruncatedError) -> UInt16 { try bytes.read(UInt16.self, at: start + place) }

  /// A field of four bytes in both.
  func number(_ wide: Int, _ narrow: Int) throws(TruncatedError) -> UInt32 {
    try bytes.read(UInt32.self, at: start + (is64Bit ? wide : narrow))
  }

  /// A field as wide as an address.
  func word(_ wide: Int, _ narrow: Int) throws(TruncatedError) -> UInt64 {
    is64Bit
      ? try bytes.read(UInt64.self, at: start + wide) : UInt64(try bytes.read(UInt32.self, at: start + narrow))
  }
}
