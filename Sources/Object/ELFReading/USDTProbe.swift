package import ByteReading

/// A place in code that its author has marked for tracers (USDT), as <sys/sdt.h> of SystemTap notes it in the file.
public struct USDTProbe: Hashable, Sendable {
  public let provider: String
  public let name: String
  /// Where the program headers load it to.
  public let address: UInt64
  /// Where it lies in the file; `nil` for an address that is not loaded from there.
  public let fileOffset: UInt64?
  /// A counter of two bytes that says whether anybody is listening, by its place in the file; `nil` for a probe without.
  public let semaphoreOffset: UInt64?
  /// Where the arguments are, in the compiler's notation: `-4@%eax 8@-8(%rbp)`.
  public let arguments: String
}

extension USDTProbe {
  private static let noteLimit = 64 << 20

  /// All that a file has, in its order; none for a file without the section `.note.stapsdt`.
  package static func probes(in tables: ELFTables, read: (Range<Int>) throws(ELFError) -> SharedBytes) throws(ELFError)
    -> [USDTProbe]
  {
    let table = "section .note.stapsdt"
    guard let section = tables.sections.first(where: { $0.name == ".note.stapsdt" }) else { return [] }
    let notes = try tables.contents(of: section, named: table, limit: noteLimit, read: read)
    // Prelinking moves sections, and does not know what stands in notes: this one, which is empty, tells how far.
    let base = tables.sections.first { $0.name == ".stapsdt.base" }?.address
    var found: [USDTProbe] = []
    var place = 0
    do {
      while place < notes.count {
        let header = ELFRecord(bytes: notes, is64Bit: tables.is64Bit, start: place)
        let nameByteCount = Int(try header.number(0, 0))
        let byteCount = Int(try header.number(4, 4))
        let start = place + 12 + nameByteCount.roundedUpToWord
        guard start <= notes.count, byteCount <= notes.count - start else { throw ELFError.badTable(table) }
        let isProbe = try header.number(8, 8) == 3 && notes.matches(owner, at: place + 12)
        if isProbe, let probe = try probe(notes, start..<start + byteCount, tables, base) { found.append(probe) }
        place = start + byteCount.roundedUpToWord
      }
    } catch let error as ELFError { throw error } catch { throw .badTable(table) }
    return found
  }

  private static let owner = Array("stapsdt\0".utf8)

  /// Three addresses and three strings.
  private static func probe(
    _ notes: SharedBytes, _ range: Range<Int>, _ tables: ELFTables, _ base: UInt64?
  ) throws -> USDTProbe? {
    let record = ELFRecord(bytes: notes, is64Bit: tables.is64Bit, start: range.lowerBound)
    var address = try record.word(0, 0)
    let linkedBase = try record.word(8, 4)
    var semaphore = try record.word(16, 8)
    if let base, linkedBase != 0 {
      address = address &+ base &- linkedBase
      if semaphore != 0 { semaphore = semaphore &+ base &- linkedBase }
    }
    var texts: [String] = []
    var place = range.lowerBound + (tables.is64Bit ? 24 : 12)
    for _ in 0..<3 {
      guard place < range.upperBound, let length = notes.cStringLength(at: place), length < range.upperBound - place
      else {
        return nil
      }
      texts.append(try notes.cString(at: place))
      place += length + 1
    }
    return USDTProbe(
      provider: texts[0], name: texts[1], address: address, fileOffset: tables.fileOffset(of: address),
      semaphoreOffset: semaphore == 0 ? nil : tables.fileOffset(of: semaphore), arguments: texts[2])
  }
}

extension Int {
  /// Parts of a note begin at multiples of four bytes. A word of the file cannot make it overflow.
  fileprivate var roundedUpToWord: Int { (self + 3) & ~3 }
}
