import BPFInstructions
import BPFObjectFile
import BPFRelocation
import BPFTypes
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

  /// One line.
  var json: String {
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let data = (try? encoder.encode(self)) ?? Data()
    return String(decoding: data, as: UTF8.self)
  }
}

/// A JSON value of one of several kinds, for lists that mix them.
enum Mixed: Encodable {
  case number(Int64)
  case text(String)

  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .number(let number): try container.encode(number)
    case .text(let text): try container.encode(text)
    }
  }
}

struct MapDocument: Encodable {
  let name: String
  let kernelName: String
  let `internal`: Bool
  let created = true
  let type, keySize, valueSize, maxEntries, flags: UInt32
  let mapExtra: UInt64
  let numaNode: UInt32
  let ifindex = 0
  let btf: Bool
  let btfKeyTypeId, btfValueTypeId: UInt32
  let btfVmlinuxValueTypeId = 0
  let pinPath: String?
  let frozen: Bool
  /// None or one; a list, since a value cannot hold itself.
  let inner: [MapDocument]
  let initialValueSize: Int?
  let initialValueSha256: String?
  let initialValueHex: String?
  let initSlots: [[Mixed]]

  init(_ map: MapSpec, hasBTF: Bool) {
    name = map.name
    kernelName = String(map.name.prefix(MapSpec.kernelNameByteCount))
    `internal` = map.section != nil
    type = map.type.rawValue
    keySize = map.keySize
    valueSize = map.valueSize
    maxEntries = map.maxEntries
    flags = map.flags.rawValue
    mapExtra = map.extra
    numaNode = map.numaNode
    btf = hasBTF && map.hasTypes
    btfKeyTypeId = map.keyType.rawValue
    btfValueTypeId = map.valueType.rawValue
    pinPath = map.pinning == .byName ? "/sys/fs/bpf/" + String(map.name.map { $0 == "." ? "_" : $0 }) : nil
    frozen = map.isConstant
    inner = map.inner.map { MapDocument($0, hasBTF: hasBTF) }
    initSlots = map.initialSlots.map { slot in
      switch slot.target {
      case .map(let name), .program(let name): [.number(Int64(slot.key)), .text(name)]
      }
    }
    guard map.section != nil else {
      initialValueSize = nil
      initialValueSha256 = nil
      initialValueHex = nil
      return
    }
    let contents = map.contents + [UInt8](repeating: 0, count: max(Int(map.valueSize) - map.contents.count, 0))
    initialValueSize = contents.count
    initialValueSha256 = SHA256.digest(contents)
    initialValueHex = contents.count <= 4096 ? hexadecimal(contents) : nil
  }

  enum CodingKeys: String, CodingKey {
    case name, kernelName, `internal`, created, type, keySize, valueSize, maxEntries, flags, mapExtra, numaNode
    case ifindex, btf, btfKeyTypeId, btfValueTypeId, btfVmlinuxValueTypeId, pinPath, frozen, inner
    case initialValueSize, initialValueSha256, initialValueHex, initSlots
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(name, forKey: .name)
    try container.encode(kernelName, forKey: .kernelName)
    try container.encode(`internal`, forKey: .internal)
    try container.encode(created, forKey: .created)
    for (key, value) in [
      (CodingKeys.type, type), (.keySize, keySize), (.valueSize, valueSize), (.maxEntries, maxEntries),
      (.flags, flags), (.numaNode, numaNode), (.btfKeyTypeId, btfKeyTypeId),
      (.btfValueTypeId, btfValueTypeId), (.ifindex, 0), (.btfVmlinuxValueTypeId, 0),
    ] { try container.encode(value, forKey: key) }
    try container.encode(mapExtra, forKey: .mapExtra)
    try container.encode(btf, forKey: .btf)
    try container.encodeIfPresent(pinPath, forKey: .pinPath)
    try container.encode(frozen, forKey: .frozen)
    try container.encodeIfPresent(inner.first, forKey: .inner)
    try container.encodeIfPresent(initialValueSize, forKey: .initialValueSize)
    try container.encodeIfPresent(initialValueSha256, forKey: .initialValueSha256)
    try container.encodeIfPresent(initialValueHex, forKey: .initialValueHex)
    if !initSlots.isEmpty { try container.encode(initSlots, forKey: .initSlots) }
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
    section = program.sectionName
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
    insnsHex = hexadecimal(plan.instructions.flatMap(bytes))
    mapRefs = plan.mapReferences.map { reference in
      [
        .number(Int64(reference.instruction)), .text(reference.map),
        .number(Int64(plan.instructions[reference.instruction + 1].immediate)),
      ]
    }
    btfRefs = plan.moduleReferences.map { [.number(Int64($0.instruction)), .text($0.module)] }
    funcInfo = plan.functions.map { [.number(Int64($0.instruction)), .number(Int64($0.type.rawValue))] }
    funcInfoRecSize = plan.functions.isEmpty ? 0 : 8
    lineInfoCount = plan.lines.count
    lineInfoRecSize = plan.lines.isEmpty ? 0 : 16
    lineInfoSha256 =
      plan.lines.isEmpty
      ? nil
      : SHA256.digest(
        plan.lines.flatMap { line in
          [UInt32(line.instruction), line.fileName, line.text, line.lineAndColumn].flatMap(littleEndian)
        })
  }
}

private func littleEndian(_ word: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } }

private func bytes(of instruction: Instruction) -> [UInt8] {
  let offset = UInt16(bitPattern: instruction.offset)
  return [
    instruction.opcode, instruction.destination | instruction.source << 4, UInt8(truncatingIfNeeded: offset),
    UInt8(truncatingIfNeeded: offset >> 8),
  ] + littleEndian(UInt32(bitPattern: instruction.immediate))
}

private func hexadecimal(_ bytes: [UInt8]) -> String {
  let digits = Array("0123456789abcdef".utf8)
  return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
}
