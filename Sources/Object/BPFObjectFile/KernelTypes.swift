/// `enum bpf_map_type`
public struct MapType: RawRepresentable, Hashable, Sendable {
  public let rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  public static let hash = MapType(rawValue: 1)
  public static let array = MapType(rawValue: 2)
  public static let programArray = MapType(rawValue: 3)
  public static let perfEventArray = MapType(rawValue: 4)
  public static let perCPUHash = MapType(rawValue: 5)
  public static let perCPUArray = MapType(rawValue: 6)
  public static let lruHash = MapType(rawValue: 9)
  /// `BPF_MAP_TYPE_RINGBUF` (5.8)
  public static let ringBuffer = MapType(rawValue: 27)
}

/// `BPF_F_*` flags of BPF_MAP_CREATE.
public struct MapFlags: OptionSet, Hashable, Sendable {
  public let rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// `BPF_F_RDONLY_PROG`: programs may only read it (5.2).
  public static let readOnlyForPrograms = MapFlags(rawValue: 1 << 7)
  /// `BPF_F_MMAPABLE`: user space may map its values (5.5).
  public static let mappable = MapFlags(rawValue: 1 << 10)
}

/// `enum bpf_prog_type`
public struct ProgramType: RawRepresentable, Hashable, Sendable {
  public let rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  public static let unspecified = ProgramType(rawValue: 0)
  public static let socketFilter = ProgramType(rawValue: 1)
  public static let xdp = ProgramType(rawValue: 6)
}

/// `enum bpf_attach_type`
public struct AttachType: RawRepresentable, Hashable, Sendable {
  public let rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  public static let none = AttachType(rawValue: 0)
  public static let xdp = AttachType(rawValue: 37)
}

/// Flags of BPF_PROG_LOAD.
public struct ProgramFlags: OptionSet, Hashable, Sendable {
  public let rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// `BPF_F_XDP_HAS_FRAGS`: the program knows that a frame may go on behind `data_end` (5.18).
  public static let xdpHasFragments = ProgramFlags(rawValue: 1 << 5)
}

/// What the name of an ELF section says of the programs in it.
struct SectionKind {
  let type: ProgramType
  let attachType: AttachType
  let flags: ProgramFlags

  private static let table: [String: SectionKind] = [
    "socket": SectionKind(type: .socketFilter, attachType: .none, flags: []),
    "xdp": SectionKind(type: .xdp, attachType: .xdp, flags: []),
    "xdp.frags": SectionKind(type: .xdp, attachType: .xdp, flags: .xdpHasFragments),
  ]

  /// A section that the table does not know has programs of unspecified type, which load only once somebody sets it.
  init(sectionName: String) {
    self = Self.table[sectionName] ?? SectionKind(type: .unspecified, attachType: .none, flags: [])
  }

  private init(type: ProgramType, attachType: AttachType, flags: ProgramFlags) {
    self.type = type
    self.attachType = attachType
    self.flags = flags
  }
}
