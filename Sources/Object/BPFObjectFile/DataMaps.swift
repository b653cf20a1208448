package import BPFTypes

/// The maps that stand for `.data`, `.rodata` and `.bss` sections: arrays of one value, the section.
struct DataMaps {
  private(set) var specs: [MapSpec] = []
  private(set) var variables: [VariableSpec] = []
  /// The map's name by the index of the section.
  private(set) var names: [Int: String] = [:]

  /// A section without bytes in the file can say any size. The kernel would take up to 2 GiB, all of it in memory.
  private static let byteCountLimit = 128 << 20

  init(elf: ELFFile, btf: BTF?, objectName: String) throws(ObjectFileError) {
    let dataSections = Dictionary(
      try inBTF { () throws(BTFError) in try btf?.dataSections() ?? [] }.map { ($0.name, $0.record) },
      uniquingKeysWith: { first, _ in first })
    for (index, section) in elf.sections.enumerated() where section.size > 0 && !section.isExecutable {
      guard let family = [".data", ".rodata", ".bss"].first(where: { section.name.isSection($0) }) else { continue }
      guard section.size <= Self.byteCountLimit else {
        throw ObjectFileError(.badMap(name: section.name, "its section has \(section.size) bytes, over 128 MiB"))
      }
      let name =
        section.name == family
        ? Self.mapName(objectName: objectName, section: family)
        // libbpf goes by the whole name for constants and initialized data only.
        : family == ".bss" ? Self.allowed(section.name.utf8.prefix(MapSpec.kernelNameByteCount)) : section.name
      names[index] = name
      var flags: MapFlags = family == ".rodata" ? .readOnlyForPrograms : []
      var valueType = BTF.TypeID.void
      if let btf, let record = dataSections[section.name] {
        valueType = record.id
        for place in try inBTF({ () throws(BTFError) in try btf.variables(of: record) }) {
          let variable = try inBTF { () throws(BTFError) in try btf.record(place.type) }
          let variableName = try inBTF { () throws(BTFError) in try btf.name(of: variable) }
          guard place.size <= section.size, place.offset <= section.size - place.size else {
            throw ObjectFileError(
              .badMap(name: name, "variable \(variableName) lies outside of its section"),
              at: ObjectFileError.Place(section: section.name, record: nil, offset: place.offset))
          }
          variables.append(
            VariableSpec(
              name: variableName, map: name, offset: place.offset, size: place.size, type: variable.referent))
          let linkage = try inBTF { () throws(BTFError) in try btf.linkage(of: variable) }
          if linkage != BTF.Linkage.static { flags.insert(.mappable) }
        }
      }
      specs.append(
        MapSpec(
          name: name, section: section.name, type: .array, keySize: 4, valueSize: UInt32(clamping: section.size),
          maxEntries: 1, flags: flags, valueType: valueType, contents: section.contents,
          isConstant: family == ".rodata"))
    }
  }
}

extension MapSpec {
  package static let settingsSection = ".kconfig"

  /// The map of an object's kernel settings.
  package init(settingsOf objectName: String, contents: [UInt8], valueType: BTF.TypeID) {
    self.init(
      name: DataMaps.mapName(objectName: objectName, section: Self.settingsSection), section: Self.settingsSection,
      type: .array, keySize: 4, valueSize: UInt32(clamping: contents.count), maxEntries: 1,
      flags: [.readOnlyForPrograms, .mappable], valueType: valueType, contents: contents, isConstant: true)
  }
}

extension DataMaps {
  /// The object's name, as much of it as fits before the section's, in the characters that the kernel allows.
  static func mapName(objectName: String, section: String) -> String {
    let room = MapSpec.kernelNameByteCount - max(7, section.utf8.count)
    return allowed(objectName.utf8.prefix(room)) + section
  }

  /// The text with underscores for the characters that the kernel does not take in a name.
  static func allowed(_ text: some Sequence<UInt8>) -> String {
    let allowed = text.map { (character) -> UInt8 in
      switch character {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."):
        character
      default: UInt8(ascii: "_")
      }
    }
    return String(decoding: allowed, as: UTF8.self)
  }
}

extension String {
  /// Whether the name is `family` or `family.something`.
  fileprivate func isSection(_ family: String) -> Bool { self == family || hasPrefix(family + ".") }
}
