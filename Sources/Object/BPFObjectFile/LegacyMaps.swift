import ByteReading
internal import CLibelf

/// The maps of objects from before BTF: variables of a section `maps`, or of one `maps/NAME` each, that are
/// `struct bpf_map_def`.
///
///     byte  0      4          8            12            16
///          +------+----------+------------+-------------+-----------+ - - - -
///          | type | key size | value size | max. entries| map flags | more
///          +------+----------+------------+-------------+-----------+ - - - -
///
/// libbpf read them up to version 0.8. Loaders of that time appended members of their own; what they mean is not known
/// here, so they have to be 0.
struct LegacyMaps {
  private(set) var specs: [MapSpec] = []
  private(set) var places: [SectionPlace: String] = [:]

  private static let byteCount = 20

  init(elf: ELFFile) throws(ObjectFileError) {
    for (index, section) in elf.sections.enumerated()
    where (section.name == "maps" || section.name.hasPrefix("maps/")) && section.type == SHT_PROGBITS {
      let symbols = elf.variables(inSection: index).values.sorted { $0.value < $1.value }
      for (number, symbol) in symbols.enumerated() {
        let end = number + 1 < symbols.count ? symbols[number + 1].value : section.size
        let range = symbol.value..<max(min(end, section.contents.count), symbol.value)
        do { specs.append(try Self.spec(symbol.name, section.contents, range)) } catch {
          throw error.located(at: ObjectFileError.Place(section: section.name, record: number, offset: symbol.value))
        }
        places[SectionPlace(section: index, offset: symbol.value)] = symbol.name
      }
    }
  }

  private static func spec(_ name: String, _ bytes: [UInt8], _ range: Range<Int>) throws(ObjectFileError) -> MapSpec {
    func word(_ index: Int) throws(ObjectFileError) -> UInt32 {
      guard range.count >= byteCount, let word = try? bytes.read(UInt32.self, at: range.lowerBound + index * 4) else {
        throw ObjectFileError(
          .badMap(name: name, "its definition has \(range.count) bytes, not the \(byteCount) of struct bpf_map_def"))
      }
      return word
    }
    let spec = MapSpec(
      name: name, type: MapType(rawValue: try word(0)), keySize: try word(1), valueSize: try word(2),
      maxEntries: try word(3), flags: MapFlags(rawValue: try word(4)))
    guard bytes[range.dropFirst(byteCount)].allSatisfy({ $0 == 0 }) else {
      throw ObjectFileError(
        .badMap(name: name, "its definition has members behind those of struct bpf_map_def; write it for .maps"))
    }
    return spec
  }
}
