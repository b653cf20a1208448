public import BPFObjectFile
public import BPFTypes

/// What the kernel says of a map (`struct bpf_map_info`, 4.13).
public struct MapInformation: Hashable, Sendable {
  public let id: UInt32
  /// At most 15 bytes of it.
  public let name: String
  public let type: MapType
  /// In bytes.
  public let keySize, valueSize: UInt32
  public let maxEntries: UInt32
  public let flags: MapFlags
  /// 0 before Linux 5.16.
  public let extra: UInt64
  /// The kernel's number of the BTF that has the types of keys and values; 0 for none.
  public let types: UInt32
  public let keyType, valueType: BTF.TypeID
  public let isFrozen: Bool
}
