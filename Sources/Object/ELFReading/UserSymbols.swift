package import ByteReading

/// The functions of an executable or library: its symbol tables `.dynsym`, with the versions, and `.symtab`.
package struct UserSymbols: Sendable {
  package let tables: ELFTables
  private let symbolTables: [Table]

  private struct Table: Sendable {
    let symbols: SharedBytes
    let count: Int
    let names: SharedBytes
    /// Two bytes for each symbol: which version, and a bit for one that is not the default.
    let versions: SharedBytes?
    let versionNames: [UInt16: String]
  }

  /// Reads the tables of symbols and nothing else of the file.
  package init(byteCount: Int, read: (Range<Int>) throws(ELFError) -> SharedBytes) throws(ELFError) {
    let tables = try ELFTables(byteCount: byteCount, read: read)
    let (executable, shared): (UInt16, UInt16) = (2, 3)  // ET_EXEC, ET_DYN
    guard tables.type == executable || tables.type == shared else {
      throw .notELF("it is neither an executable nor a library")
    }
    let (symbols, dynamicSymbols): (UInt32, UInt32) = (2, 11)  // SHT_SYMTAB, SHT_DYNSYM
    var found: [Table] = []
    for type in [dynamicSymbols, symbols] {
      guard let section = tables.sections.first(where: { $0.type == type }) else { continue }
      found.append(try Self.table(section, of: tables, isDynamic: type == dynamicSymbols, read: read))
    }
    self.tables = tables
    symbolTables = found
  }

  private static func table(
    _ section: ELFTables.Section, of tables: ELFTables, isDynamic: Bool, read: ELFTables.Reader
  ) throws(ELFError) -> Table {
    let size = tables.is64Bit ? 24 : 16
    guard section.recordSize == UInt64(size), tables.sections.indices.contains(Int(section.link)) else {
      throw .badTable("symbol table")
    }
    let symbols = try tables.contents(of: section, named: "symbol table", read: read)
    let names = try tables.contents(
      of: tables.sections[Int(section.link)], named: "table of symbol names", read: read)
    var versions: SharedBytes?
    var versionNames: [UInt16: String] = [:]
    let (ofSymbols, definitions): (UInt32, UInt32) = (0x6fff_ffff, 0x6fff_fffd)  // SHT_GNU_versym, SHT_GNU_verdef
    if isDynamic, let section = tables.sections.first(where: { $0.type == ofSymbols }) {
      versions = try tables.contents(of: section, named: "table of symbol versions", read: read)
      if let section = tables.sections.first(where: { $0.type == definitions }) {
        let bytes = try tables.contents(of: section, named: "table of version definitions", read: read)
        do { versionNames = try Self.versionNames(bytes, names) } catch {
          throw .badTable("table of version definitions")
        }
      }
    }
    return Table(
      symbols: symbols, count: symbols.count / size, names: names, versions: versions, versionNames: versionNames)
  }

  /// `Elf64_Verdef`, 20 bytes, each followed by its names; both are chained by distances in bytes.
  private static func versionNames(
    _ bytes: SharedBytes, _ names: SharedBytes
  ) throws(TruncatedError) -> [UInt16: String] {
    var found: [UInt16: String] = [:]
    var place = 0
    // An index has fifteen bits, so that a chain that is longer goes in circles.
    for _ in 0..<0x8000 where place < bytes.count {
      let index = try bytes.read(UInt16.self, at: place + 4)
      let nameRecord = place + Int(try bytes.read(UInt32.self, at: place + 12))
      found[index & 0x7fff] = try names.cString(at: Int(try bytes.read(UInt32.self, at: nameRecord)))
      let distance = Int(try bytes.read(UInt32.self, at: place + 16))
      guard distance > 0 else { break }
      place += distance
    }
    return found
  }

  /// A symbol of a function that the file itself has.
  private struct Symbol {
    let nameOffset: Int
    let address: UInt64
    let size: UInt64
    let isLocal: Bool
    let isIndirect: Bool
    /// As in the table of versions.
    let version: UInt16?
  }

  private func forEachSymbol(in table: Table, _ body: (Symbol) -> Void) {
    let size = tables.is64Bit ? 24 : 16
    for index in 0..<table.count {
      let record = ELFRecord(bytes: table.symbols, is64Bit: tables.is64Bit, start: index * size)
      // STT_FUNC, STT_GNU_IFUNC; defined somewhere.
      guard let kinds = try? record.half(tables.is64Bit ? 4 : 12), kinds & 15 == 2 || kinds & 15 == 10,
        let section = try? record.half(tables.is64Bit ? 6 : 14), section != 0,
        let name = try? record.number(0, 0), let address = try? record.word(8, 4),
        let byteCount = try? record.word(16, 8)
      else { continue }
      body(
        Symbol(
          nameOffset: Int(name), address: address, size: byteCount, isLocal: kinds >> 4 & 15 == 0,
          isIndirect: kinds & 15 == 10, version: table.versions?.half(at: index * 2)))
    }
  }

  /// The symbol with its name taken apart, `nil` where it has none or does not lie in the file.
  private func function(_ symbol: Symbol, in table: Table) -> UserFunction? {
    guard let text = try? table.names.cString(at: symbol.nameOffset), !text.isEmpty,
      let offset = tables.fileOffset(of: symbol.address)
    else { return nil }
    let (name, named) = Self.parts(text)
    // 0 and 1 stand for none.
    let numbered = symbol.version.flatMap { $0 & 0x7fff > 1 ? table.versionNames[$0 & 0x7fff] : nil }
    let isHidden = symbol.version.map { $0 & 0x8000 != 0 } ?? (named != nil && !text.contains("@@"))
    return UserFunction(
      name: name, version: numbered ?? named, isDefaultVersion: !isHidden, address: symbol.address,
      size: symbol.size, fileOffset: offset, isLocal: symbol.isLocal)
  }

  /// `name@VERSION`, or `name@@VERSION` for the default.
  private static func parts(_ text: String) -> (name: String, version: String?) {
    guard let at = text.firstIndex(of: "@"), at != text.startIndex else { return (text, nil) }
    let version = text[at...].drop { $0 == "@" }
    return (String(text[..<at]), version.isEmpty ? nil : String(version))
  }

  /// Finds a function by its symbol.
  /// - Parameter text: `memcpy`, which means the default version, or `memcpy@GLIBC_2.2.5`.
  package func function(_ text: String) throws(UserFunctionError) -> UserFunction {
    let (name, version) = Self.parts(text)
    let wanted = Array(name.utf8)
    var versions: Set<String> = []
    var indirect: Set<UInt64> = []
    var outside: UInt64?
    for table in symbolTables {
      var found: [UserFunction] = []
      forEachSymbol(in: table) { symbol in
        guard table.names.matches(wanted, at: symbol.nameOffset),
          let end = try? table.names.read(UInt8.self, at: symbol.nameOffset + wanted.count),
          end == 0 || end == UInt8(ascii: "@")
        else { return }
        guard let function = function(symbol, in: table) else {
          outside = symbol.address
          return
        }
        if let known = function.version { versions.insert(known) }
        guard version == nil || function.version == version else { return }
        if symbol.isIndirect { indirect.insert(symbol.address) }
        found.append(function)
      }
      if let best = try Self.best(of: found) {
        guard !indirect.contains(best.address) else { throw .indirect }
        return best
      }
    }
    if let outside { throw .notInFile(address: outside) }
    if version != nil, !versions.isEmpty { throw .noSuchVersion(known: versions.sorted()) }
    throw .notFound
  }

  private static func best(of found: [UserFunction]) throws(UserFunctionError) -> UserFunction? {
    var found = found
    for isBetter in [{ $0.isDefaultVersion }, { !$0.isLocal }] as [(UserFunction) -> Bool]
    where found.contains(where: isBetter) {
      found.removeAll { !isBetter($0) }
    }
    let addresses = Set(found.map(\.address))
    guard addresses.count < 2 else { throw .ambiguous(addresses: addresses.sorted()) }
    return found.first
  }

  /// The functions whose names, without versions, are wanted; each place once, in the order of the file.
  package func functions(where isWanted: (String) -> Bool) -> [UserFunction] {
    var found: [UInt64: UserFunction] = [:]
    for table in symbolTables {
      forEachSymbol(in: table) { symbol in
        guard !symbol.isIndirect, let function = function(symbol, in: table), isWanted(function.name),
          found[function.fileOffset] == nil
        else { return }
        found[function.fileOffset] = function
      }
    }
    return found.values.sorted { $0.fileOffset < $1.fileOffset }
  }
}
