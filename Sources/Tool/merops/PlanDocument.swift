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
  let kernel_name: String
  let `internal`: Bool
  let created = true
  let type, key_size, value_size, max_entries, flags: UInt32
  let map_extra: UInt64
  let numa_node: UInt32
  let ifindex = 0
  let btf: Bool
  let btf_key_type_id, btf_value_type_id: UInt32
  let btf_vmlinux_value_type_id = 0
  let pin_path: String?
  let frozen: Bool
  /// None or one; a list, since a value cannot hold itself.
  let inner: [MapDocument]
  let initial_value_size: Int?
  let initial_value_sha256: String?
  let initial_value_hex: String?
  let init_slots: [[Mixed]]

  init(_ map: MapSpec, hasBTF: Bool) {
    name = map.name
    kernel_name = String(map.name.prefix(MapSpec.kernelNameByteCount))
    `internal` = map.section != nil
    type = map.type.rawValue
    key_size = map.keySize
    value_size = map.valueSize
    max_entries = map.maxEntries
    flags = map.flags.rawValue
    map_extra = map.extra
    numa_node = map.numaNode
    btf = hasBTF && map.hasTypes
    btf_key_type_id = map.keyType.rawValue
    btf_value_type_id = map.valueType.rawValue
    pin_path = map.pinning == .byName ? "/sys/fs/bpf/" + String(map.name.map { $0 == "." ? "_" : $0 }) : nil
    frozen = map.isConstant
    inner = map.inner.map { MapDocument($0, hasBTF: hasBTF) }
    init_slots = map.initialSlots.map { slot in
      switch slot.target {
      case .map(let name), .program(let name): [.number(Int64(slot.key)), .text(name)]
      }
    }
    guard map.section != nil else {
      initial_value_size = nil
      initial_value_sha256 = nil
      initial_value_hex = nil
      return
    }
    let contents = map.contents + [UInt8](repeating: 0, count: max(Int(map.valueSize) - map.contents.count, 0))
    initial_value_size = contents.count
    initial_value_sha256 = SHA256.digest(contents)
    initial_value_hex = contents.count <= 4096 ? hexadecimal(contents) : nil
  }

  enum CodingKeys: String, CodingKey {
    case name, kernel_name, `internal`, created, type, key_size, value_size, max_entries, flags, map_extra, numa_node
    case ifindex, btf, btf_key_type_id, btf_value_type_id, btf_vmlinux_value_type_id, pin_path, frozen, inner
    case initial_value_size, initial_value_sha256, initial_value_hex, init_slots
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(name, forKey: .name)
    try container.encode(kernel_name, forKey: .kernel_name)
    try container.encode(`internal`, forKey: .internal)
    try container.encode(created, forKey: .created)
    for (key, value) in [
      (CodingKeys.type, type), (.key_size, key_size), (.value_size, value_size), (.max_entries, max_entries),
      (.flags, flags), (.numa_node, numa_node), (.btf_key_type_id, btf_key_type_id),
      (.btf_value_type_id, btf_value_type_id), (.ifindex, 0), (.btf_vmlinux_value_type_id, 0),
    ] { try container.encode(value, forKey: key) }
    try container.encode(map_extra, forKey: .map_extra)
    try container.encode(btf, forKey: .btf)
    try container.encodeIfPresent(pin_path, forKey: .pin_path)
    try container.encode(frozen, forKey: .frozen)
    try container.encodeIfPresent(inner.first, forKey: .inner)
    try container.encodeIfPresent(initial_value_size, forKey: .initial_value_size)
    try container.encodeIfPresent(initial_value_sha256, forKey: .initial_value_sha256)
    try container.encodeIfPresent(initial_value_hex, forKey: .initial_value_hex)
    if !init_slots.isEmpty { try container.encode(init_slots, forKey: .init_slots) }
  }
}

struct ProgramDocument: Encodable {
  let name, section: String
  let loaded: Bool
  var kernel_name, license: String?
  var type, expected_attach_type, flags, kern_version, attach_btf_id: UInt32?
  var ifindex: Int?
  var attach_btf_name, attach_btf_module: String?
  var btf: Bool?
  var insn_count: Int?
  var insns_hex: String?
  var map_refs: [[Mixed]]?
  var btf_refs: [[Mixed]]?
  var func_info: [[Mixed]]?
  var func_info_rec_size, line_info_count, line_info_rec_size: Int?
  var line_info_sha256: String?

  init(_ program: ProgramSpec, _ plan: ProgramPlan?, plan whole: LoadPlan) {
    name = program.name
    section = program.sectionName
    loaded = plan != nil
    guard let plan else { return }
    kernel_name = String(program.name.prefix(MapSpec.kernelNameByteCount))
    license = whole.license
    type = plan.type.rawValue
    expected_attach_type = plan.expectedAttachType.rawValue
    flags = plan.flags.rawValue
    kern_version = plan.kernelVersion
    attach_btf_id = plan.attachTarget?.type.rawValue ?? 0
    attach_btf_name = plan.attachTarget?.name
    attach_btf_module = plan.attachTarget?.module
    ifindex = 0
    btf = whole.btf != nil
    insn_count = plan.instructions.count
    insns_hex = hexadecimal(plan.instructions.flatMap(bytes))
    map_refs = plan.mapReferences.map { reference in
      [
        .number(Int64(reference.instruction)), .text(reference.map),
        .number(Int64(plan.instructions[reference.instruction + 1].immediate)),
      ]
    }
    btf_refs = plan.moduleReferences.map { [.number(Int64($0.instruction)), .text($0.module)] }
    func_info = plan.functions.map { [.number(Int64($0.instruction)), .number(Int64($0.type.rawValue))] }
    func_info_rec_size = plan.functions.isEmpty ? 0 : 8
    line_info_count = plan.lines.count
    line_info_rec_size = plan.lines.isEmpty ? 0 : 16
    line_info_sha256 =
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
