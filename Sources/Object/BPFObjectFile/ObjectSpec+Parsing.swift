import BPFInstructions
import BPFTypes
import ByteReading
internal import CLibelf

extension ObjectSpec {
  /// Reads an object file that clang or gcc made.
  /// - Parameters:
  ///   - name: the file's name; what stands before its first dot becomes the object's.
  ///   - bytes: the whole file.
  public init(name: String, bytes: [UInt8]) throws(ObjectFileError) {
    let elf = try ELFFile(bytes: bytes)
    let objectName = String(name.prefix { $0 != "." })
    var btf = try elf.btf()
    try btf?.completeDataSections(from: elf)
    let lineInformation = try btf.flatMap { (btf) throws(ObjectFileError) in try elf.btfExtension(btf) }

    let definedMaps = try DefinedMaps(elf: elf, btf: btf)
    let legacyMaps = try LegacyMaps(elf: elf)
    let dataMaps = try DataMaps(elf: elf, btf: btf, objectName: objectName)
    let operations = try OperationsMaps(elf: elf, btf: btf)
    let externs = try ExternSpec.all(in: elf, btf: btf)
    var reader = FunctionReader(
      elf: elf, lineInformation: lineInformation,
      mapPlaces: definedMaps.places.merging(legacyMaps.places) { first, _ in first }, dataMaps: dataMaps,
      externs: externs)
    let functions = try reader.readAll()
    let callbacks = try inBTF { () throws(BTFError) in try btf?.exceptionCallbacks() ?? [:] }

    self.name = objectName
    self.license = try elf.license()
    self.version = elf.version()
    self.isBigEndian = elf.isBigEndian
    self.sections = elf.sections.map {
      SectionSpec(name: $0.name, type: $0.type, flags: $0.flags, offset: $0.offset, byteCount: $0.size)
    }
    self.maps = legacyMaps.specs + definedMaps.specs + dataMaps.specs + operations.specs
    self.variables = dataMaps.variables
    self.externs = externs
    self.btf = btf
    self.programs = functions.filter { $0.isEntry }.map { (function, sectionName, _) in
      let section = ProgramSection(name: sectionName)
      return ProgramSpec(
        sectionName: sectionName, section: section, type: section.type,
        expectedAttachType: section.expectedAttachType, flags: section.flags, attachesByType: section.attachesByType,
        isWanted: !section.isOptional,
        target: section.target, exceptionCallback: callbacks[function.name], function: function)
    }
    self.subprograms = functions.filter { !$0.isEntry }.map(\.function)
    self.warnings = reader.warnings
  }
}

extension ELFFile {
  fileprivate func license() throws(ObjectFileError) -> String {
    guard let (_, section) = section(named: "license") else { return "" }
    guard let license = try? section.contents.cString(at: 0) else {
      throw ObjectFileError(.badLicense, at: ObjectFileError.Place(section: "license", record: nil, offset: 0))
    }
    return license
  }

  /// The section `version`, in which old objects name the kernel that they were made for.
  fileprivate func version() -> UInt32? {
    section(named: "version").flatMap { try? $0.section.contents.read(UInt32.self, at: 0) }
  }

  fileprivate func btf() throws(ObjectFileError) -> BTF? {
    guard let (_, section) = section(named: ".BTF") else { return nil }
    do { return try BTF(bytes: section.contents) } catch {
      throw ObjectFileError(.badBTF(section: ".BTF", error))
    }
  }

  fileprivate func btfExtension(_ btf: BTF) throws(ObjectFileError) -> BTFExtension? {
    guard let (_, section) = section(named: ".BTF.ext") else { return nil }
    do { return try BTFExtension(bytes: section.contents, btf: btf) } catch {
      throw ObjectFileError(.badBTF(section: ".BTF.ext", error))
    }
  }

  /// The symbols of variables in a section, by name.
  func variables(inSection index: Int) -> [String: Symbol] {
    let variables = symbols.lazy.filter { $0.section == index && $0.type != STT_SECTION && !$0.name.isEmpty }
    return Dictionary(variables.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
  }
}

/// Runs `body`, naming the section in what it throws.
func inBTF<Value>(_ body: () throws(BTFError) -> Value) throws(ObjectFileError) -> Value {
  do { return try body() } catch { throw ObjectFileError(.badBTF(section: ".BTF", error)) }
}

extension BTF {
  /// Fills in what the compiler could not know: the sizes of data sections and where their variables lie. The kernel
  /// refuses BTF without them.
  ///
  /// Variables that other objects may not use (`__hidden`) become static, so that their section is not offered to
  /// user space to map.
  fileprivate mutating func completeDataSections(from elf: ELFFile) throws(ObjectFileError) {
    var words: [(offset: Int, value: UInt32)] = []
    let btf = self
    try inBTF { () throws(BTFError) in
      for (name, record) in try btf.dataSections() {
        guard let (index, section) = elf.section(named: name) else { continue }
        // Linkers of BPF objects have done it already.
        let isIncomplete = record.size == 0
        if isIncomplete { words.append((record.offset + 8, UInt32(clamping: section.size))) }
        let symbols = elf.variables(inSection: index)
        var places: [(variable: BTF.SectionVariable, offset: Int)] = []
        for place in try btf.variables(of: record) {
          let variable = try btf.record(place.type)
          var offset = place.offset
          if variable.kind == .variable, try btf.linkage(of: variable) != BTF.Linkage.static,
            let symbol = try symbols[btf.name(of: variable)]
          {
            if isIncomplete { offset = symbol.value }
            if symbol.isHidden { words.append((variable.bodyOffset, BTF.Linkage.static)) }
          }
          places.append((place, offset))
        }
        words += btf.words(of: record, moving: places)
      }
    }
    self = BTF(self, replacing: words)
  }

  /// Functions to be called when a program ends with bpf_throw(), by the names of the programs (6.7). The compiler notes
  /// them as tags of the programs' declarations.
  fileprivate func exceptionCallbacks() throws(BTFError) -> [String: String] {
    let prefix = "exception_callback:"
    var callbacks: [String: String] = [:]
    for id in ownTypes {
      let tag = try record(TypeID(rawValue: id))
      guard tag.kind == .declarationTag, case let text = try name(of: tag), text.hasPrefix(prefix) else { continue }
      let function = try record(tag.referent)
      guard function.kind == .function else { continue }
      callbacks[try name(of: function)] = String(text.dropFirst(prefix.count))
    }
    return callbacks
  }
}
