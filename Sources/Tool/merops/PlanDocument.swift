import BPFInstructions
import BPFObjectFile
import BPFRelocation
import BPFTypes
import ByteReading
import FoundationEssentials

/// A plan as one JSON object, with libbpf's names for things: what would be handed to bpf(2).
struct PlanDocument: Encodable {
  var ok = true
  var error: Failure?
  var btf: Types?
  var maps: [MapDocument] = []
  var programs: [ProgramDocument] = []

  struct Failure: Encodable {
    /// `open` for the object itself, `load` for what it wants of the kernel.
    let stage: String
    let message: String
  }

  struct Types: Encodable {
    let size: Int
    let sha256: String
  }

  init(failed stage: String, _ message: String) {
    ok = false
    error = Failure(stage: stage, message: message)
  }

  init(_ plan: LoadPlan, of object: ObjectSpec) {
    btf = plan.btf.map { types in
      let bytes = types.bytes
      return Types(size: bytes.count, sha256: SHA256.digest(bytes))
    }
    maps = plan.maps.map { MapDocument($0, hasBTF: plan.btf != nil) }
    let planned = Dictionary(plan.programs.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    programs = object.programs.map { ProgramDocument($0, planned[$0.name], plan: plan) }
  }

  var json: String { oneLine(self) }
}

/// JSON without a line's end, its names in snake case.
func oneLine(_ document: some Encodable) -> String {
  let encoder = JSONEncoder()
  encoder.keyEncodingStrategy = .convertToSnakeCase
  encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
  let data = (try? encoder.encode(document)) ?? Data()
  return String(decoding: data, as: UTF8.self)
}

/// A JSON value of one of several kinds, for lists that mix them.
enum Mixed: Encodable {
  case number(Int64)
  case text(String)
  case nothing

  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .number(let number): try container.encode(number)
    case .text(let text): try container.encode(text)
    case .nothing: try container.encodeNil()
    }
  }
}

/// A map, or with ``isInner`` the template of a map of maps' values, of which only the attributes are told.
struct MapDocument: Encodable {
  var name, pinPath: String?
  var `internal`, created, frozen: Bool?
  let kernelName: String
  let type, keySize, valueSize, maxEntries, flags, numaNode, btfKeyTypeId, btfValueTypeId: UInt32
  let mapExtra: UInt64
  let ifindex = 0
  let btfVmlinuxValueTypeId = 0
  let btf: Bool
  let inner: Inner?
  var initialValueSize: Int?
  var initialValueSha256, initialValueHex: String?
  var initSlots: [[Mixed]]?

  /// A value cannot hold one of its own kind.
  final class Inner: Encodable {
    private let map: MapDocument
    init(_ map: MapDocument) { self.map = map }
    func encode(to encoder: any Encoder) throws { try map.encode(to: encoder) }
  }

  init(_ map: MapSpec, hasBTF: Bool, isInner: Bool = false) {
    kernelName = map.kernelName
    (type, keySize, valueSize, maxEntries) = (map.type.rawValue, map.keySize, map.valueSize, map.maxEntries)
    (flags, mapExtra, numaNode) = (map.flags.rawValue, map.extra, map.numaNode)
    btf = hasBTF && map.hasTypes
    (btfKeyTypeId, btfValueTypeId) = (map.keyType.rawValue, map.valueType.rawValue)
    inner = map.inner.first.map { Inner(MapDocument($0, hasBTF: hasBTF, isInner: true)) }
    guard !isInner else { return }
    name = map.name
    `internal` = map.section != nil
    created = map.isWanted
    frozen = map.isConstant
    pinPath = map.pinning == .byName ? "/sys/fs/bpf/" + map.pinName : nil
    initSlots = map.initialSlots.map { slot in
      switch slot.target {
      case .map(let name), .program(let name): [.number(Int64(slot.key)), .text(name)]
      }
    }
    guard map.section != nil else { return }
    // Variables that begin as 0 take no room in the object, and need none here.
    let zeros = max(Int(map.valueSize) - map.contents.count, 0)
    let byteCount = map.contents.count + zeros
    initialValueSize = byteCount
    initialValueSha256 = SHA256.digest(map.contents, zeros: zeros)
    initialValueHex = byteCount <= 4096 ? hexadecimal(map.paddedContents) : nil
  }
}

struct ProgramDocument: Encodable {
  let name, section: String
  let loaded: Bool
  var kernelName, license: String?
  var type, expectedAttachType, flags, kernVersion, attachBtfId: UInt32?
  var ifindex: Int?
  var attachBtfName, attachBtfModule: String?
  var btf: Bool?
  var insnCount: Int?
  var insnsHex: String?
  var mapRefs: [[Mixed]]?
  var btfRefs: [[Mixed]]?
  var funcInfo: [[Mixed]]?
  var funcInfoRecSize, lineInfoCount, lineInfoRecSize: Int?
  var lineInfoSha256: String?

  init(_ program: ProgramSpec, _ plan: ProgramPlan?, plan whole: LoadPlan) {
    name = program.name
    section = program.section.isOptional ? String(program.sectionName.dropFirst()) : program.sectionName
    loaded = plan != nil
    guard let plan else { return }
    kernelName = String(program.name.prefix(MapSpec.kernelNameByteCount))
    license = whole.license
    type = plan.type.rawValue
    expectedAttachType = plan.expectedAttachType.rawValue
    flags = plan.flags.rawValue
    kernVersion = plan.kernelVersion
    attachBtfId = plan.attachTarget?.type.rawValue ?? 0
    attachBtfName = plan.attachTarget?.name
    attachBtfModule = plan.attachTarget?.module
    ifindex = 0
    btf = whole.btf != nil
    insnCount = plan.instructions.count
    // An object can also have the number of a descriptor in it, which nobody filled in.
    let names = Dictionary(plan.mapReferences.map { ($0.instruction, $0.map) }, uniquingKeysWith: { first, _ in first })
    var (instructions, references, index) = (plan.instructions, [[Mixed]](), 0)
    while index < instructions.count {
      defer { index += instructions[index].opcode == Opcode.loadImmediate64 ? 2 : 1 }
      guard instructions[index].opcode == Opcode.loadImmediate64, index + 1 < instructions.count,
        [PseudoSource.map, PseudoSource.mapValue].contains(instructions[index].source)
      else { continue }
      instructions[index].immediate = 0
      let offset = Int64(UInt32(bitPattern: instructions[index + 1].immediate))
      references.append([.number(Int64(index)), names[index].map { .text($0) } ?? .nothing, .number(offset)])
    }
    insnsHex = hexadecimal(instructions.flatMap(bytes))
    mapRefs = references
    btfRefs = plan.moduleReferences.map { [.number(Int64($0.instruction)), .text($0.module)] }
    funcInfo = plan.functions.map { [.number(Int64($0.instruction)), .number(Int64($0.type.rawValue))] }
    funcInfoRecSize = plan.functions.isEmpty ? 0 : 8
    lineInfoCount = plan.lines.count
    lineInfoRecSize = plan.lines.isEmpty ? 0 : 16
    lineInfoSha256 = SHA256.digest(
      plan.lines.flatMap { line in
        [UInt8](littleEndian: [UInt32(line.instruction), line.fileName, line.text, line.lineAndColumn])
      })
  }
}

private func bytes(of instruction: Instruction) -> [UInt8] {
  let registers = UInt64(instruction.destination | instruction.source << 4)
  let offset = UInt64(UInt16(bitPattern: instruction.offset))
  let immediate = UInt64(UInt32(bitPattern: instruction.immediate))
  return [UInt8](
    littleEndian: UInt64(instruction.opcode) | registers << 8 | offset << 16 | immediate << 32,
    count: Instruction.byteCount)
}

private func hexadecimal(_ bytes: [UInt8]) -> String {
  let digits = Array("0123456789abcdef".utf8)
  return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
}
