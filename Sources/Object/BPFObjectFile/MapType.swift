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
  public static let stackTrace = MapType(rawValue: 7)
  public static let cgroupArray = MapType(rawValue: 8)
  public static let lruHash = MapType(rawValue: 9)
  public static let lruPerCPUHash = MapType(rawValue: 10)
  /// `BPF_MAP_TYPE_LPM_TRIE` (4.11)
  public static let lpmTrie = MapType(rawValue: 11)
  public static let arrayOfMaps = MapType(rawValue: 12)
  public static let hashOfMaps = MapType(rawValue: 13)
  public static let deviceMap = MapType(rawValue: 14)
  public static let socketMap = MapType(rawValue: 15)
  public static let cpuMap = MapType(rawValue: 16)
  public static let xskMap = MapType(rawValue: 17)
  public static let socketHash = MapType(rawValue: 18)
  public static let cgroupStorage = MapType(rawValue: 19)
  public static let reuseportSocketArray = MapType(rawValue: 20)
  public static let perCPUCgroupStorage = MapType(rawValue: 21)
  public static let queue = MapType(rawValue: 22)
  public static let stack = MapType(rawValue: 23)
  public static let skStorage = MapType(rawValue: 24)
  public static let deviceHash = MapType(rawValue: 25)
  public static let structOps = MapType(rawValue: 26)
  /// `BPF_MAP_TYPE_RINGBUF` (5.8)
  public static let ringBuffer = MapType(rawValue: 27)
  public static let inodeStorage = MapType(rawValue: 28)
  public static let taskStorage = MapType(rawValue: 29)
  /// `BPF_MAP_TYPE_BLOOM_FILTER` (5.16)
  public static let bloomFilter = MapType(rawValue: 30)
  /// `BPF_MAP_TYPE_USER_RINGBUF` (6.1)
  public static let userRingBuffer = MapType(rawValue: 31)
  /// `BPF_MAP_TYPE_CGRP_STORAGE` (6.2)
  public static let cgrpStorage = MapType(rawValue: 32)
  /// `BPF_MAP_TYPE_ARENA` (6.9)
  public static let arena = MapType(rawValue: 33)
  /// `BPF_MAP_TYPE_INSN_ARRAY` (6.19)
  public static let instructionArray = MapType(rawValue: 34)
  /// `BPF_MAP_TYPE_RHASH` (7.2)
  public static let resizableHash = MapType(rawValue: 35)
}

/// `BPF_F_*` flags of BPF_MAP_CREATE.
public struct MapFlags: OptionSet, Hashable, Sendable {
  public let rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// `BPF_F_NO_PREALLOC`: elements take memory when they come. Local storage and LPM tries insist on it.
  public static let noPreallocation = MapFlags(rawValue: 1 << 0)
  /// `BPF_F_RDONLY` and `BPF_F_WRONLY`: system calls may only read it, or only write to it (4.15).
  public static let readOnly = MapFlags(rawValue: 1 << 3)
  public static let writeOnly = MapFlags(rawValue: 1 << 4)
  /// `BPF_F_RDONLY_PROG`: programs may only read it (5.2).
  public static let readOnlyForPrograms = MapFlags(rawValue: 1 << 7)
  /// `BPF_F_MMAPABLE`: user space may map its values (5.5).
  public static let mappable = MapFlags(rawValue: 1 << 10)
}
