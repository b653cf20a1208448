import BPFTypes
import ByteReading
internal import CLibelf

/// A place in a section, in bytes.
struct SectionPlace: Hashable {
  let section: Int
  let offset: Int
}

/// The maps that variables of the `.maps` section define: a structure each, whose members tell the attributes
/// (libbpf's BTF-defined maps).
struct DefinedMaps {
  let section: Int?
  private(set) var specs: [MapSpec] = []
  /// The places of the variables in the section, in bytes, in the order of `specs`.
  private(set) var offsets: [Int] = []
  /// Where in the section the member `values` of each map lies, if it has one, and where the variable ends.
  private var values: [Range<Int>?] = []

  init(elf: ELFFile, btf: BTF?) throws(ObjectFileError) {
    guard let (index, section) = elf.section(named: ".maps") else {
      self.section = nil
      return
    }
    self.section = index
    guard let btf else { throw ObjectFileError(.missingBTF(neededFor: "the section .maps")) }
    let dataSections = try inBTF { () throws(BTFError) in try btf.dataSections() }
    guard let record = dataSections.first(where: { $0.name == ".maps" })?.record else {
      throw ObjectFileError(.missingBTF(neededFor: "the section .maps"))
    }
    // Sorted by place already.
    for (number, variable) in try inBTF({ () throws(BTFError) in try btf.variables(of: record) }).enumerated() {
      let place = ObjectFileError.Place(section: ".maps", record: number, offset: variable.offset)
      let (spec, valuesOffset): (MapSpec, values: Int?)
      do { (spec, valuesOffset) = try Self.spec(of: variable, in: btf) } catch { throw error.located(at: place) }
      specs.append(spec)
      offsets.append(variable.offset)
      guard variable.size <= section.size, variable.offset <= section.size - variable.size else {
        throw ObjectFileError(.badMap(name: spec.name, "it lies outside of its section"), at: place)
      }
      values.append(
        valuesOffset.flatMap { $0 <= variable.size ? variable.offset + $0..<variable.offset + variable.size : nil })
    }
    try readSlots(elf: elf, section: index)
  }

  /// Where the variables are.
  var places: [SectionPlace: String] {
    guard let section else { return [:] }
    let pairs = zip(offsets, specs).map { (SectionPlace(section: section, offset: $0), $1.name) }
    return Dictionary(pairs, uniquingKeysWith: { first, _ in first })
  }

  private func name(at offset: Int) -> String? {
    offsets.firstIndex(of: offset).map { specs[$0].name }
  }

  /// The member `values`: pointers, each with a relocation that names the map or the program.
  private mutating func readSlots(elf: ELFFile, section: Int) throws(ObjectFileError) {
    for relocation in elf.relocations[section] ?? [] {
      func fail(_ why: String) -> ObjectFileError { ObjectFileError(.badRelocation(why), at: relocation.place) }
      guard let map = values.firstIndex(where: { $0?.contains(relocation.offset) ?? false }), let place = values[map]
      else { throw fail("it points at byte \(relocation.offset), where no map has initial values") }
      let offset = relocation.offset - place.lowerBound
      guard offset % 8 == 0 else { throw fail("it points between the values of map \(specs[map].name)") }
      let symbol = elf.symbols[relocation.symbol]
      let target: InitialSlot.Target
      if specs[map].type == .programArray {
        guard symbol.type == STT_FUNC else { throw fail("\(symbol.name) is no program") }
        target = .program(symbol.name)
      } else {
        guard symbol.section == section, let name = name(at: symbol.value) else {
          throw fail("\(symbol.name) is no map")
        }
        target = .map(name)
      }
      specs[map].initialSlots.append(InitialSlot(key: UInt32(clamping: offset / 8), target: target))
    }
    for map in specs.indices { specs[map].initialSlots.sort { $0.key < $1.key } }
  }

  /// - Returns: the map, and where its member `values` begins, in bytes.
  private static func spec(
    of variable: BTF.SectionVariable, in btf: BTF
  ) throws(ObjectFileError) -> (MapSpec, values: Int?) {
    let record = try inBTF { () throws(BTFError) in try btf.record(variable.type) }
    let name = try inBTF { () throws(BTFError) in try btf.name(of: record) }
    guard record.kind == .variable else { throw ObjectFileError(.badMap(name: name, "it is no variable")) }
    guard try inBTF({ () throws(BTFError) in try btf.linkage(of: record) }) != BTF.Linkage.static else {
      throw ObjectFileError(.badMap(name: name, "it is a static variable; maps have to be global"))
    }
    return try spec(name: name, definition: record.referent, isInner: false, in: btf)
  }

  private static func spec(
    name: String, definition: BTF.TypeID, isInner: Bool, in btf: BTF
  ) throws(ObjectFileError) -> (MapSpec, values: Int?) {
    let definition = try inBTF { () throws(BTFError) in try btf.resolve(definition) }
    guard definition.kind == .structure else {
      throw ObjectFileError(.badMap(name: name, "its definition is no structure"))
    }
    var map = MapSpec(name: name, type: MapType(rawValue: 0))
    var valuesOffset: Int?
    for member in try inBTF({ () throws(BTFError) in try btf.members(of: definition) }) {
      let reader = MapMember(map: name, member: member, btf: btf)
      guard valuesOffset == nil else { throw reader.fail("stands behind values, which has to be the last") }
      switch member.name {
      case "type": map.type = MapType(rawValue: try reader.number32())
      case "max_entries": map.maxEntries = try reader.number32()
      case "map_flags": map.flags = MapFlags(rawValue: try reader.number32())
      case "numa_node": map.numaNode = try reader.number32()
      case "map_extra": map.extra = try reader.number()
      case "key_size": map.keySize = try reader.agreeing(with: map.keySize, try reader.number32())
      case "value_size": map.valueSize = try reader.agreeing(with: map.valueSize, try reader.number32())
      case "key":
        let (type, size) = try reader.type()
        (map.keyType, map.keySize) = (type, try reader.agreeing(with: map.keySize, size))
      case "value":
        let (type, size) = try reader.type()
        (map.valueType, map.valueSize) = (type, try reader.agreeing(with: map.valueSize, size))
      case "values" where !isInner:
        guard map.valueSize == 0 || map.valueSize == 4 else { throw reader.fail("needs values of 4 bytes") }
        map.valueSize = 4
        valuesOffset = member.bitOffset / 8
        let element = try reader.valuesElement()
        if element.kind == .structure {
          guard map.type == .arrayOfMaps || map.type == .hashOfMaps else { throw reader.fail("needs a map of maps") }
          map.inner = [try spec(name: name + ".inner", definition: element.id, isInner: true, in: btf).0]
        } else {
          guard map.type == .programArray else { throw reader.fail("needs an array of programs") }
        }
      case "pinning" where !isInner:
        guard let pinning = MapPinning(rawValue: try reader.number32()) else { throw reader.fail("is neither 0 nor 1") }
        map.pinning = pinning
      default: throw reader.fail("is not known")
      }
    }
    guard map.type.rawValue != 0 else { throw ObjectFileError(.badMap(name: name, "it has no member type")) }
    return (map, valuesOffset)
  }
}

/// A member of a map's definition, and what its type says.
private struct MapMember {
  let map: String
  let member: BTF.Member
  let btf: BTF

  func fail(_ why: String) -> ObjectFileError {
    ObjectFileError(.badMap(name: map, "member \(member.name) \(why)"))
  }

  /// A number is a pointer to an array of that many elements, or an enumeration whose first value it is.
  func number() throws(ObjectFileError) -> UInt64 {
    let type = try inBTF { () throws(BTFError) in try btf.resolve(member.type) }
    switch type.kind {
    case .pointer:
      let array = try inBTF { () throws(BTFError) in try btf.resolve(type.referent) }
      guard array.kind == .array else { throw fail("is no pointer to an array") }
      return UInt64(try inBTF { () throws(BTFError) in try btf.array(array).count })
    case .enumeration, .enumeration64:
      guard let first = try inBTF({ () throws(BTFError) in try btf.enumerators(of: type).first }) else {
        throw fail("is an enumeration without values")
      }
      return first.value
    default: throw fail("is no pointer to an array")
    }
  }

  func number32() throws(ObjectFileError) -> UInt32 {
    guard let number = UInt32(exactly: try number()) else { throw fail("does not fit into 32 bits") }
    return number
  }

  func agreeing(with other: UInt32, _ size: UInt32) throws(ObjectFileError) -> UInt32 {
    guard other == 0 || other == size else { throw fail("says \(size) bytes, another member \(other)") }
    return size
  }

  /// A type is a pointer to it.
  func type() throws(ObjectFileError) -> (BTF.TypeID, UInt32) {
    let pointer = try inBTF { () throws(BTFError) in try btf.resolve(member.type) }
    guard pointer.kind == .pointer else { throw fail("is no pointer to a type") }
    let size = try inBTF { () throws(BTFError) in try btf.size(of: pointer.referent) }
    guard let size = UInt32(exactly: size) else { throw fail("has a type larger than 4 GiB") }
    return (pointer.referent, size)
  }

  /// `values` is an array of pointers to a map's definition or to a function.
  func valuesElement() throws(ObjectFileError) -> BTF.Record {
    let element = try inBTF { () throws(BTFError) -> BTF.Record? in
      let array = try btf.resolve(member.type)
      guard array.kind == .array else { return nil }
      let pointer = try btf.resolve(try btf.array(array).element)
      return pointer.kind == .pointer ? try btf.resolve(pointer.referent) : nil
    }
    guard let element, element.kind == .structure || element.kind == .functionPrototype else {
      throw fail("is no array of pointers to maps or functions")
    }
    return element
  }
}
