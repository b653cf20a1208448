internal import CLinux

// Maps and their elements.
extension BPF {
  package struct MapAttributes {
    package var type: UInt32 = 0
    package var keySize: UInt32 = 0
    package var valueSize: UInt32 = 0
    package var maxEntries: UInt32 = 0
    package var flags: UInt32 = 0
    package var keyType: UInt32 = 0
    package var valueType: UInt32 = 0
    /// The kernel's structure that a map of operations holds, in the kernel's BTF (5.6).
    package var kernelValueType: UInt32 = 0
    package var extra: UInt64 = 0
    package var numaNode: UInt32 = 0
    /// The descriptor of the map that tells what the values of a map of maps are like.
    package var innerMap: CInt = 0
    package init() {}
  }

  /// BPF_MAP_CREATE.
  /// - Parameter btf: the descriptor of the BTF that has the key's and the value's type.
  package static func createMap(
    _ map: MapAttributes, name: String, btf: borrowing FileDescriptor?
  ) throws(SystemCallError) -> FileDescriptor {
    var attribute = linux_bpf_map_create()
    attribute.map_type = map.type
    attribute.key_size = map.keySize
    attribute.value_size = map.valueSize
    attribute.max_entries = map.maxEntries
    attribute.map_flags = map.flags
    attribute.map_extra = map.extra
    attribute.btf_vmlinux_value_type_id = map.kernelValueType
    attribute.numa_node = map.numaNode
    attribute.inner_map_fd = UInt32(map.innerMap)
    copy(name, into: &attribute.map_name)
    switch btf {
    case .some(let btf):
      attribute.btf_fd = UInt32(btf.number)
      attribute.btf_key_type_id = map.keyType
      attribute.btf_value_type_id = map.valueType
    case .none: break
    }
    return try descriptor("BPF_MAP_CREATE", CInt(LINUX_BPF_MAP_CREATE), &attribute)
  }

  /// The commands for one element of a map.
  package enum ElementCommand {
    case lookup, update, delete, nextKey
    /// 4.20 for queues and stacks, 5.14 for hashes.
    case lookupAndDelete

    fileprivate var command: (name: String, number: Int) {
      switch self {
      case .lookup: ("BPF_MAP_LOOKUP_ELEM", LINUX_BPF_MAP_LOOKUP_ELEM)
      case .update: ("BPF_MAP_UPDATE_ELEM", LINUX_BPF_MAP_UPDATE_ELEM)
      case .delete: ("BPF_MAP_DELETE_ELEM", LINUX_BPF_MAP_DELETE_ELEM)
      case .nextKey: ("BPF_MAP_GET_NEXT_KEY", LINUX_BPF_MAP_GET_NEXT_KEY)
      case .lookupAndDelete: ("BPF_MAP_LOOKUP_AND_DELETE_ELEM", LINUX_BPF_MAP_LOOKUP_AND_DELETE_ELEM)
      }
    }
  }

  /// One of them. The memory has to be as long as the kernel takes it to be: the map's keys and values; for per-CPU maps
  /// a value is rounded up to 8 bytes and there once per possible CPU.
  /// - Parameters:
  ///   - map: the number of its descriptor.
  ///   - key: `nil` for maps without keys, and for the first key.
  ///   - value: or where the next key goes.
  ///   - flags: `BPF_ANY` and the like.
  @unsafe package static func element(
    _ element: ElementCommand, of map: CInt, key: UnsafeRawPointer?, value: UnsafeRawPointer?,
    flags: UInt64 = 0
  ) throws(SystemCallError) {
    var attribute = linux_bpf_map_element()
    attribute.map_fd = UInt32(map)
    attribute.key = unsafe address(key)
    attribute.value = unsafe address(value)
    attribute.flags = flags
    _ = try call(element.command.name, CInt(element.command.number), &attribute)
  }

  /// BPF_MAP_UPDATE_ELEM, whether the key exists or not.
  package static func update(
    _ map: borrowing FileDescriptor, key: RawSpan, value: RawSpan
  ) throws(SystemCallError) {
    let number = map.number
    let result = unsafe key.withUnsafeBytes { key in
      unsafe value.withUnsafeBytes { value in
        Result { () throws(SystemCallError) in
          try unsafe element(.update, of: number, key: key.baseAddress, value: value.baseAddress)
        }
      }
    }
    try result.get()
  }

  /// The commands for many elements at once (5.6, and later for many types of maps).
  package enum BatchCommand {
    case lookup, lookupAndDelete, update, delete

    fileprivate var command: (name: String, number: Int) {
      switch self {
      case .lookup: ("BPF_MAP_LOOKUP_BATCH", LINUX_BPF_MAP_LOOKUP_BATCH)
      case .lookupAndDelete: ("BPF_MAP_LOOKUP_AND_DELETE_BATCH", LINUX_BPF_MAP_LOOKUP_AND_DELETE_BATCH)
      case .update: ("BPF_MAP_UPDATE_BATCH", LINUX_BPF_MAP_UPDATE_BATCH)
      case .delete: ("BPF_MAP_DELETE_BATCH", LINUX_BPF_MAP_DELETE_BATCH)
      }
    }
  }

  /// What a batch command did, which may be something even where it ended with an error.
  package struct BatchAnswer {
    package let count: Int
    package let error: SystemCallError?
  }

  /// One of them.
  /// - Parameters:
  ///   - map: the number of its descriptor.
  ///   - from: where the last lookup ended; `nil` for the start.
  ///   - to: where this one ends: as long as a key, and no less than 4 bytes.
  ///   - count: how many elements there are, or room for.
  @unsafe package static func batch(
    _ batch: BatchCommand, of map: CInt, from: UnsafeRawPointer? = nil,
    to: UnsafeRawPointer? = nil, keys: UnsafeRawPointer?, values: UnsafeRawPointer?, count: Int,
    elementFlags: UInt64 = 0
  ) -> BatchAnswer {
    var attribute = linux_bpf_map_batch()
    attribute.in_batch = unsafe address(from)
    attribute.out_batch = unsafe address(to)
    attribute.keys = unsafe address(keys)
    attribute.values = unsafe address(values)
    attribute.count = UInt32(clamping: count)
    attribute.map_fd = UInt32(map)
    attribute.elem_flags = elementFlags
    do throws(SystemCallError) {
      _ = try call(batch.command.name, CInt(batch.command.number), &attribute)
      return BatchAnswer(count: min(Int(attribute.count), count), error: nil)
    } catch {
      // A kernel without the command leaves the count as it was.
      let isRefusal = error.errno == .notSupportedInKernel || error.errno == .invalidArgument
      return BatchAnswer(count: isRefusal ? 0 : min(Int(attribute.count), count), error: error)
    }
  }

  /// BPF_MAP_FREEZE: no system call changes the map's contents from now on (5.2).
  package static func freeze(_ map: borrowing FileDescriptor) throws(SystemCallError) {
    var attribute = linux_bpf_map_freeze(map_fd: UInt32(map.number))
    _ = try call("BPF_MAP_FREEZE", CInt(LINUX_BPF_MAP_FREEZE), &attribute)
  }

  /// `struct bpf_map_info`, as far as it is used.
  package struct MapInformation: Hashable, Sendable {
    package let id, type, keySize, valueSize, maxEntries, flags: UInt32
    package let name: String
    /// 0 before Linux 5.16.
    package let extra: UInt64
    /// The number of the BTF that the types of keys and values are in, 0 for none.
    package let types: UInt32
    package let keyType, valueType: UInt32
  }

  package static func information(ofMap map: borrowing FileDescriptor) throws(SystemCallError) -> MapInformation {
    var information = linux_bpf_map_info()
    try read(&information, of: map)
    return MapInformation(
      id: information.id, type: information.type, keySize: information.key_size, valueSize: information.value_size,
      maxEntries: information.max_entries, flags: information.map_flags, name: string(information.name),
      extra: information.map_extra, types: information.btf_id, keyType: information.btf_key_type_id,
      valueType: information.btf_value_type_id)
  }

  /// What /proc says of a map and the command above does not: whether it is frozen (5.2).
  package static func isFrozen(_ map: borrowing FileDescriptor) -> Bool {
    guard let text = try? contents(ofFile: "/proc/self/fdinfo/\(map.number)") else { return false }
    return String(decoding: text, as: UTF8.self).split(separator: "\n").contains("frozen:\t1")
  }
}
