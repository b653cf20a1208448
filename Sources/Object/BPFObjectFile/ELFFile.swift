import ByteReading
internal import CLibelf

/// The container: sections, symbols and relocations of a relocatable 64-bit ELF file, read with libelf and copied out.
struct ELFFile {
  struct Section {
    let name: String
    /// `SHT_*`
    let type: UInt32
    /// `SHF_*`
    let flags: UInt64
    /// In bytes from the start of the file.
    let offset: Int
    /// The bytes in memory; a section without bytes in the file (`SHT_NOBITS`) has a size but no contents.
    let size: Int
    let contents: [UInt8]
    /// For a relocation section, the section that it relocates.
    let relocatedSection: Int

    var isExecutable: Bool { flags & UInt64(SHF_EXECINSTR) != 0 }
  }

  struct Symbol {
    /// Its place in the symbol table.
    let index: Int
    let name: String
    let value: Int
    let size: Int
    let section: Int
    /// `STB_*`
    let binding: UInt8
    /// `STT_*`
    let type: UInt8
    /// `STV_*`
    let visibility: UInt8

    /// Whether other objects may not use it.
    var isHidden: Bool { visibility == STV_HIDDEN || visibility == STV_INTERNAL }

    func place(in section: Section) -> ObjectFileError.Place {
      ObjectFileError.Place(section: section.name, record: index, offset: value)
    }
  }

  struct Relocation {
    /// In bytes from the start of the relocated section.
    let offset: Int
    let symbol: Int
    /// `R_BPF_*`
    let type: UInt32
    /// Of the record itself.
    let place: ObjectFileError.Place
  }

  private(set) var isBigEndian = false
  private(set) var sections: [Section] = []
  private(set) var symbols: [Symbol] = []
  /// By the index of the section that they relocate, sorted by their places in it.
  private(set) var relocations: [Int: [Relocation]] = [:]

  private static let headerSize = 64
  private static let sectionHeaderSize = 64

  init(bytes: [UInt8]) throws(ObjectFileError) {
    do { isBigEndian = try Self.checkContainer(bytes) } catch let error as TruncatedError {
      throw ObjectFileError(.truncated(offset: error.offset))
    } catch let error as ObjectFileError {
      throw error
    } catch {
      fatalError("no other error is thrown here: \(error)")
    }
    // libelf takes a pointer to memory that may be written to, but does not write when it only reads.
    let failure = unsafe bytes.withUnsafeBytes { (image) -> ObjectFileError? in
      let start = unsafe UnsafeMutableRawPointer(mutating: image.baseAddress)?.assumingMemoryBound(to: CChar.self)
      _ = elf_version(UInt32(EV_CURRENT))
      guard let elf = unsafe elf_memory(start, image.count) else {
        return ObjectFileError(.notELF(Self.libelfMessage))
      }
      defer { _ = unsafe elf_end(elf) }
      do throws(ObjectFileError) { try unsafe read(elf) } catch { return error }
      return nil
    }
    if let failure { throw failure }
  }

  /// libelf trusts some of what a header says, so the bounds of everything in it are checked first.
  /// - Returns: whether the file is big-endian.
  private static func checkContainer(_ bytes: [UInt8]) throws -> Bool {
    guard bytes.count >= headerSize,
      bytes.starts(with: [0x7f, UInt8(ascii: "E"), UInt8(ascii: "L"), UInt8(ascii: "F")])
    else { throw ObjectFileError(.notELF("it does not begin with an ELF header")) }
    guard bytes[4] == 2 else { throw ObjectFileError(.notELF("it is a 32-bit file; BPF objects are 64-bit files")) }
    guard bytes[5] == 1 || bytes[5] == 2 else { throw ObjectFileError(.notELF("it has an unknown byte order")) }
    let isBigEndian = bytes[5] == 2
    func read<T: FixedWidthInteger & BitwiseCopyable>(_ type: T.Type, at offset: Int) throws -> T {
      let value = try bytes.read(type, at: offset)
      return isBigEndian ? value.byteSwapped : value
    }
    guard try read(UInt16.self, at: 16) == ET_REL else {
      throw ObjectFileError(.notELF("it is no relocatable object (compile it with -c)"))
    }
    let machine = try read(UInt16.self, at: 18)
    guard machine == EM_BPF || machine == EM_NONE else { throw ObjectFileError(.otherMachine(machine)) }
    let tableOffset = try read(UInt64.self, at: 40)
    let entrySize = try read(UInt16.self, at: 58)
    let count = UInt64(try read(UInt16.self, at: 60))
    guard count > 0, entrySize == sectionHeaderSize, tableOffset % 8 == 0, tableOffset <= UInt64(bytes.count),
      count * UInt64(sectionHeaderSize) <= UInt64(bytes.count) - tableOffset
    else { throw ObjectFileError(.badSectionTable) }
    for index in 0..<Int(count) {
      let header = Int(tableOffset) + index * sectionHeaderSize
      let type = try read(UInt32.self, at: header + 4)
      let offset = try read(UInt64.self, at: header + 24)
      let size = try read(UInt64.self, at: header + 32)
      let limit = type == SHT_NOBITS ? UInt64(UInt32.max) : UInt64(bytes.count)
      let start = type == SHT_NOBITS ? 0 : offset
      guard start <= limit, size <= limit - start else {
        throw ObjectFileError(.badSection(index: index, offset: header))
      }
    }
    return isBigEndian
  }

  private mutating func read(_ elf: OpaquePointer) throws(ObjectFileError) {
    var stringsIndex = 0
    guard unsafe elf_getshdrstrndx(elf, &stringsIndex) == 0 else { throw ObjectFileError(.badSectionTable) }
    var sectionCount = 0
    guard unsafe elf_getshdrnum(elf, &sectionCount) == 0 else { throw ObjectFileError(.badSectionTable) }
    var symbolSection: Int?
    var relocationSections: [Int] = []
    for index in 0..<sectionCount {
      var header = GElf_Shdr()
      guard let scn = unsafe elf_getscn(elf, index), unsafe gelf_getshdr(scn, &header) != nil else {
        throw ObjectFileError(.badSectionTable)
      }
      let name = unsafe elf_strptr(elf, stringsIndex, Int(header.sh_name)).map { unsafe String(cString: $0) } ?? ""
      // Debugging information is the bulk of most objects and nothing to us.
      let isWanted = header.sh_type != SHT_NOBITS && !name.hasPrefix(".debug") && !name.hasPrefix(".rel.debug")
      var contents: [UInt8] = []
      if isWanted, let data = unsafe elf_rawdata(scn, nil), let start = unsafe data.pointee.d_buf {
        contents = unsafe Array(UnsafeRawBufferPointer(start: start, count: data.pointee.d_size))
      }
      if isBigEndian {
        let isCode = header.sh_flags & UInt64(SHF_EXECINSTR) != 0
        contents = ForeignByteOrder.swapped(contents, ofSection: name, isCode: isCode)
      }
      sections.append(
        Section(
          name: name, type: header.sh_type, flags: header.sh_flags, offset: Int(clamping: header.sh_offset),
          size: Int(header.sh_size), contents: contents, relocatedSection: Int(header.sh_info)))
      if header.sh_type == SHT_SYMTAB, symbolSection == nil {
        symbolSection = index
        try unsafe readSymbols(elf, scn, header)
      }
      if header.sh_type == SHT_REL, isWanted { relocationSections.append(index) }
    }
    guard symbolSection != nil else { throw ObjectFileError(.noSymbols) }
    for index in relocationSections { try unsafe readRelocations(elf, in: index) }
  }

  private mutating func readSymbols(
    _ elf: OpaquePointer, _ section: OpaquePointer, _ header: GElf_Shdr
  ) throws(ObjectFileError) {
    guard let data = unsafe elf_getdata(section, nil), header.sh_entsize == 24 else {
      throw ObjectFileError(.noSymbols)
    }
    for index in 0..<Int32(clamping: header.sh_size / header.sh_entsize) {
      var symbol = GElf_Sym()
      guard unsafe gelf_getsym(data, index, &symbol) != nil else { throw ObjectFileError(.noSymbols) }
      let name = unsafe elf_strptr(elf, Int(header.sh_link), Int(symbol.st_name)).map { unsafe String(cString: $0) }
      symbols.append(
        Symbol(
          index: Int(index), name: name ?? "", value: Int(clamping: symbol.st_value),
          size: Int(clamping: symbol.st_size),
          section: Int(symbol.st_shndx), binding: symbol.st_info >> 4, type: symbol.st_info & 15,
          visibility: symbol.st_other & 3))
    }
  }

  /// `Elf64_Rel`, 16 bytes: offset, type, symbol.
  private mutating func readRelocations(_ elf: OpaquePointer, in index: Int) throws(ObjectFileError) {
    let section = sections[index]
    guard sections.indices.contains(section.relocatedSection) else {
      throw ObjectFileError(
        .badRelocation("the section that they are for does not exist"),
        at: ObjectFileError.Place(section: section.name, record: nil, offset: 0))
    }
    guard section.size > 0 else { return }
    guard let scn = unsafe elf_getscn(elf, index), let data = unsafe elf_getdata(scn, nil) else {
      throw ObjectFileError(.badSection(index: index, offset: section.offset))
    }
    var list: [Relocation] = []
    for record in 0..<Int32(clamping: section.size / 16) {
      var relocation = GElf_Rel()
      guard unsafe gelf_getrel(data, record, &relocation) != nil else { break }
      let symbol = Int(relocation.r_info >> 32)
      let place = ObjectFileError.Place(section: section.name, record: Int(record), offset: Int(record) * 16)
      guard symbol < symbols.count else {
        throw ObjectFileError(.badRelocation("symbol \(symbol) does not exist"), at: place)
      }
      list.append(
        Relocation(
          offset: Int(clamping: relocation.r_offset), symbol: symbol,
          type: UInt32(truncatingIfNeeded: relocation.r_info), place: place))
    }
    relocations[section.relocatedSection, default: []] += list
    relocations[section.relocatedSection]?.sort { $0.offset < $1.offset }
  }

  private static var libelfMessage: String {
    guard let message = unsafe elf_errmsg(-1) else { return "libelf does not read it" }
    return unsafe String(cString: message)
  }

  /// The first section of a name.
  func section(named name: String) -> (index: Int, section: Section)? {
    sections.firstIndex { $0.name == name }.map { ($0, sections[$0]) }
  }
}
