import ByteReading

/// The `.BTF.ext` section: which function and which source line each instruction belongs to, and which instructions
/// have a CO-RE relocation (Documentation/bpf/btf.rst).
public struct BTFExtension: Sendable {
  /// `struct bpf_func_info`, before linking.
  public struct Function: Hashable, Sendable {
    /// In bytes from the start of the ELF section.
    public let instructionOffset: Int
    /// The function's type in the object's BTF.
    public let type: BTF.TypeID
  }

  /// `struct bpf_line_info`, before linking.
  public struct Line: Hashable, Sendable {
    /// In bytes from the start of the ELF section.
    public let instructionOffset: Int
    /// The file's name and the line's text, as offsets into the BTF's strings.
    public let fileName: UInt32
    public let text: UInt32
    /// The line's number in the upper 22 bits, the column in the lower 10.
    public let lineAndColumn: UInt32
  }

  /// By the name of the ELF section of the instructions; records sorted by their instructions.
  public private(set) var functions: [String: [Function]] = [:]
  public private(set) var lines: [String: [Line]] = [:]
  public private(set) var relocations: [String: [CORERecord]] = [:]

  /// - Parameter btf: of the same object; it has the names of the sections.
  public init(bytes: [UInt8], btf: BTF) throws(BTFError) {
    let reader = Reader(bytes: SharedBytes(bytes))
    guard try reader.half(at: 0) == BTF.magic else { throw BTFError(.badMagic, at: 0) }
    guard try reader.byte(at: 2) == 1 else { throw BTFError(.unknownVersion, at: 2) }
    let headerLength = Int(try reader.word(at: 4))
    guard headerLength >= 24, headerLength <= bytes.count else { throw BTFError(.badHeader, at: 4) }

    for (name, offsets) in try reader.records(header: 8, start: headerLength, byteCount: 8, btf: btf) {
      for offset in offsets {
        functions[name, default: []].append(
          Function(
            instructionOffset: Int(try reader.word(at: offset)),
            type: BTF.TypeID(rawValue: try reader.word(at: offset + 4))))
      }
    }
    for (name, offsets) in try reader.records(header: 16, start: headerLength, byteCount: 16, btf: btf) {
      for offset in offsets {
        lines[name, default: []].append(
          Line(
            instructionOffset: Int(try reader.word(at: offset)), fileName: try reader.word(at: offset + 4),
            text: try reader.word(at: offset + 8), lineAndColumn: try reader.word(at: offset + 12)))
      }
    }
    // Before clang 10 the header ended here.
    if headerLength >= 32 {
      for (name, offsets) in try reader.records(header: 24, start: headerLength, byteCount: 16, btf: btf) {
        for (number, offset) in offsets.enumerated() {
          let kind = try reader.word(at: offset + 12)
          guard let kind = CORERecord.Kind(rawValue: kind) else { throw BTFError(.unknownRelocation(kind), at: offset) }
          relocations[name, default: []].append(
            CORERecord(
              instructionOffset: Int(try reader.word(at: offset)),
              type: BTF.TypeID(rawValue: try reader.word(at: offset + 4)),
              access: try btf.string(at: reader.word(at: offset + 8)), kind: kind, number: number))
        }
      }
    }
    sort()
  }

  /// Compilers write them in this order; nobody else has to.
  private mutating func sort() {
    for section in functions.keys { functions[section]?.sort { $0.instructionOffset < $1.instructionOffset } }
    for section in lines.keys { lines[section]?.sort { $0.instructionOffset < $1.instructionOffset } }
    for section in relocations.keys { relocations[section]?.sort { $0.instructionOffset < $1.instructionOffset } }
  }

  private struct Reader {
    let bytes: SharedBytes

    func word(at offset: Int) throws(BTFError) -> UInt32 { try BTF.read(UInt32.self, in: bytes, at: offset) }
    func half(at offset: Int) throws(BTFError) -> UInt16 { try BTF.read(UInt16.self, in: bytes, at: offset) }
    func byte(at offset: Int) throws(BTFError) -> UInt8 { try BTF.read(UInt8.self, in: bytes, at: offset) }

    /// Where the records of one table lie, by section. A table is the records' size, then for each section its name,
    /// a count and the records.
    func records(
      header: Int, start: Int, byteCount: Int, btf: BTF
    ) throws(BTFError) -> [(section: String, offsets: [Int])] {
      let tableLength = Int(try word(at: header + 4))
      guard tableLength > 0 else { return [] }
      var offset = start + Int(try word(at: header))
      let end = offset + tableLength
      guard end <= bytes.count else { throw BTFError(.badHeader, at: header) }
      let recordSize = try word(at: offset)
      // Later compilers may append members.
      guard recordSize >= byteCount, recordSize % 4 == 0 else { throw BTFError(.badRecordSize(recordSize), at: offset) }
      offset += 4
      var tables: [(section: String, offsets: [Int])] = []
      while offset < end {
        let name = try btf.string(at: word(at: offset))
        let count = Int(try word(at: offset + 4))
        offset += 8
        let (length, overflow) = count.multipliedReportingOverflow(by: Int(recordSize))
        guard !overflow, offset <= end, length <= end - offset else { throw BTFError(.truncated, at: offset) }
        tables.append((name, Array(stride(from: offset, to: offset + length, by: Int(recordSize)))))
        offset += length
      }
      return tables
    }
  }
}
