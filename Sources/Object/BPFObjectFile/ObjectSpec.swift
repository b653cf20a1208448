public import BPFInstructions
public import BPFTypes

/// What an object file asks for: maps, programs and variables, as values that can be looked at and changed before
/// anything of it exists in a kernel.
public struct ObjectSpec: Sendable {
  /// The file's name up to its first dot; data maps are named after it.
  public let name: String
  /// Whether it is for machines of the other byte order: it can be looked at, but not be loaded here.
  public let isBigEndian: Bool
  /// All ELF sections, by their index.
  public let sections: [SectionSpec]
  /// From the `license` section; empty where there is none, and then helpers for GPL programs are refused.
  public let license: String
  /// From the `version` section, as `LINUX_VERSION_CODE`; objects seldom have one.
  public let version: UInt32?
  /// In libbpf's order: the variables of `.maps`, then the data sections.
  public var maps: [MapSpec]
  /// The entry functions, by section and offset.
  public var programs: [ProgramSpec]
  /// The functions that others call, by section and offset.
  public internal(set) var subprograms: [FunctionSpec]
  /// The global and static variables of the data sections.
  public let variables: [VariableSpec]
  /// What the kernel has to have, in libbpf's order.
  public let externs: [ExternSpec]
  /// The object's types with the sizes and offsets of its data sections filled in.
  public let btf: BTF?
  public let warnings: [ObjectWarning]
}

/// A section of the file.
public struct SectionSpec: Hashable, Sendable {
  public let name: String
  /// `SHT_*`
  public let type: UInt32
  /// `SHF_*`
  public let flags: UInt64
  /// In bytes from the start of the file.
  public let offset: Int
  /// In memory; a `SHT_NOBITS` section takes nothing in the file.
  public let byteCount: Int
}

/// A map to create: the attributes of BPF_MAP_CREATE.
public struct MapSpec: Hashable, Sendable {
  /// The variable's name; for a data section the object's and the section's, such as `capture.rodata`.
  public let name: String
  /// The data section that the map stands for, such as `.rodata`.
  public let section: String?
  public var type: MapType
  /// In bytes.
  public var keySize: UInt32
  public var valueSize: UInt32
  public var maxEntries: UInt32
  public var flags: MapFlags = []
  /// `map_extra`: what it means depends on the type, such as the number of hash functions of a Bloom filter (5.16).
  public var extra: UInt64 = 0
  /// The memory node to allocate on; 0 also where the definition says nothing.
  public var numaNode: UInt32 = 0
  public var pinning = MapPinning.none
  /// Whether it is created at all. Where a program uses a map that is not, the verifier refuses what reaches it.
  public var isWanted = true
  /// For a map of maps, the one map that tells what its values are like.
  public var inner: [MapSpec] = []
  /// What a map of maps or of programs begins with.
  public var initialSlots: [InitialSlot] = []
  public var keyType = BTF.TypeID.void
  public var valueType = BTF.TypeID.void
  /// For a data section: what its one value begins as; all zeros when empty.
  public var contents: [UInt8] = []
  /// Whether it is frozen once it has its contents, so that the verifier may take them for constants.
  public let isConstant: Bool

  /// A map that no object defines.
  public init(
    name: String, type: MapType, keySize: UInt32, valueSize: UInt32, maxEntries: UInt32, flags: MapFlags = []
  ) {
    self.init(
      name: name, section: nil, type: type, keySize: keySize, valueSize: valueSize, maxEntries: maxEntries,
      flags: flags)
  }

  init(
    name: String, section: String? = nil, type: MapType, keySize: UInt32 = 0, valueSize: UInt32 = 0,
    maxEntries: UInt32 = 0, flags: MapFlags = [], valueType: BTF.TypeID = .void, contents: [UInt8] = [],
    isConstant: Bool = false
  ) {
    self.name = name
    self.section = section
    self.type = type
    self.keySize = keySize
    self.valueSize = valueSize
    self.maxEntries = maxEntries
    self.flags = flags
    self.valueType = valueType
    self.contents = contents
    self.isConstant = isConstant
  }
}

/// Whether a map outlives the process, under its name below /sys/fs/bpf (`LIBBPF_PIN_*`).
public enum MapPinning: UInt32, Sendable {
  case none, byName
}

/// A value that a map of maps or of programs begins with.
public struct InitialSlot: Hashable, Sendable {
  public enum Target: Hashable, Sendable {
    case map(String)
    case program(String)
  }
  public let key: UInt32
  public let target: Target
}

extension MapSpec {
  /// The kernel's names of maps and programs have room for this many bytes (`BPF_OBJ_NAME_LEN`, less the NUL).
  package static let kernelNameByteCount = 15

  /// The name that the kernel gets: as much of it as there is room for, in the characters that it allows.
  package var kernelName: String { DataMaps.allowed(name.utf8.prefix(Self.kernelNameByteCount)) }

  /// The file that a map of this name is pinned as. The kernel takes no dots in names there.
  package var pinName: String { String(name.map { $0 == "." ? "_" : $0 }) }

  /// What the one value of a data section's map begins as, with the zeros that take no room in the object.
  package var paddedContents: [UInt8] {
    contents + [UInt8](repeating: 0, count: max(Int(valueSize) - contents.count, 0))
  }

  mutating func replaceContents(at offset: Int, with bytes: [UInt8]) {
    contents = paddedContents
    contents.replaceSubrange(offset..<offset + bytes.count, with: bytes)
  }
}

/// A variable of a data section.
public struct VariableSpec: Hashable, Sendable {
  public let name: String
  /// The data section's map.
  public let map: String
  /// In bytes, in the map's value.
  public let offset: Int
  public let size: Int
  public let type: BTF.TypeID
}

/// A function: instructions that still refer to maps and other functions by name.
public struct FunctionSpec: Sendable {
  public let name: String
  /// The index of its ELF section and its place there, in instructions; together they identify it.
  public let section: Int
  public let start: Int
  public let instructions: [Instruction]
  /// By the index of the instruction in this function, ascending.
  public let references: [Reference]
  /// Its type in the object's BTF, where .BTF.ext tells it.
  public let type: BTF.TypeID?
  /// The source lines of its instructions, ascending.
  public let lines: [SourceLine]
  /// What of it depends on the kernel's types; offsets in bytes from the function's start.
  public let relocations: [CORERecord]
  /// Whether other objects may not use it (`__hidden`): the verifier then checks it with each caller instead of by itself.
  package let isHidden: Bool
  package let isGlobal: Bool
}

/// Where an instruction stands in the C source.
public struct SourceLine: Hashable, Sendable {
  /// Counts from the function's first instruction; two-slot instructions count twice.
  public let instruction: Int
  /// Offsets into the BTF's strings.
  package let fileName: UInt32
  package let text: UInt32
  /// The line's number in the upper 22 bits, the column in the lower 10.
  package let lineAndColumn: UInt32

  /// The line's number in its file, from 1 on.
  public var number: Int { Int(lineAndColumn >> 10) }

  /// The same line with other offsets of its strings.
  package func renamed(fileName: UInt32, text: UInt32) -> SourceLine {
    SourceLine(instruction: instruction, fileName: fileName, text: text, lineAndColumn: lineAndColumn)
  }

  /// The same line for an instruction further on.
  package func moved(by instructionCount: Int) -> SourceLine {
    SourceLine(
      instruction: instruction + instructionCount, fileName: fileName, text: text, lineAndColumn: lineAndColumn)
  }
}

/// An instruction that has to be completed before loading.
public struct Reference: Hashable, Sendable {
  public enum Target: Hashable, Sendable {
    /// The address of a map.
    case map(String)
    /// An address in a data section's map, in bytes from the start of its value.
    case data(map: String, offset: Int)
    /// A call of the function that starts at an instruction of an ELF section.
    case call(section: Int, start: Int)
    /// The address of such a function.
    case callback(section: Int, start: Int)
    /// A call of a function of the kernel, by the index among the externs.
    case externCall(Int)
    /// The address of an extern, by the index among the externs; of a setting, its place in `.kconfig`.
    case externAddress(Int)
  }

  public let instruction: Int
  public let target: Target
}

/// A program: an entry function and the attributes of BPF_PROG_LOAD.
public struct ProgramSpec: Sendable {
  public var name: String { function.name }
  public let sectionName: String
  public let section: ProgramSection
  public var type: ProgramType
  public var expectedAttachType: AttachType
  public var flags: ProgramFlags
  /// Whether the kernel's BTF tells what is attached to, and the program is loaded with its number there.
  public var attachesByType: Bool
  /// Whether it is planned and loaded at all.
  public var isWanted: Bool
  /// What it attaches to: a function, a tracepoint and the like; from the section's name, if it says.
  public var target: String?
  /// The function that is called when the program throws (`__exception_cb`, 6.7).
  public let exceptionCallback: String?
  public let function: FunctionSpec
}

extension ProgramSpec {
  /// Whether it is for a probe that an executable declares (user-level statically defined tracing).
  package var isUSDT: Bool { sectionName.drop { $0 == "?" }.hasPrefix("usdt") }

  /// Makes it a program of another type than its section says; what the section says of attaching counts no more.
  public mutating func become(_ type: ProgramType) {
    self.type = type
    (expectedAttachType, flags, attachesByType) = (.none, [], false)
  }
}

extension ObjectSpec {
  /// The place of a map in ``maps``.
  public func mapIndex(_ name: String) -> Int? { maps.firstIndex { $0.name == name } }
  public func programIndex(_ name: String) -> Int? { programs.firstIndex { $0.name == name } }

  /// Sets a variable to the bytes of a value, before the object is loaded.
  /// - Throws: `ObjectFileError` when there is no such variable or it has another size.
  public mutating func set<Value: BitwiseCopyable>(_ variable: String, to value: Value) throws(ObjectFileError) {
    guard let spec = variables.first(where: { $0.name == variable }), let index = mapIndex(spec.map) else {
      throw ObjectFileError(.noSuchVariable(name: variable, known: variables.map(\.name)))
    }
    let bytes = unsafe withUnsafeBytes(of: value) { unsafe Array($0) }
    guard bytes.count == spec.size else {
      throw ObjectFileError(.badValue(variable: variable, byteCount: spec.size, given: bytes.count))
    }
    maps[index].replaceContents(at: spec.offset, with: bytes)
  }
}
