internal import CLinux

// What lies in a BPF file system keeps a map, program or link alive without a process.
extension BPF {
  /// BPF_OBJ_PIN: gives a map, program or link a name in a BPF file system (4.4).
  package static func pin(_ object: borrowing FileDescriptor, at path: String) throws(SystemCallError) {
    let number = object.number
    let result = unsafe path.withCString { path in
      var attribute = linux_bpf_obj()
      attribute.pathname = unsafe address(path)
      attribute.bpf_fd = UInt32(number)
      return Result { () throws(SystemCallError) in
        try call("BPF_OBJ_PIN", CInt(LINUX_BPF_OBJ_PIN), &attribute)
      }
    }
    _ = try result.get()
  }

  /// BPF_OBJ_GET: opens what has such a name.
  package static func open(pin path: String) throws(SystemCallError) -> FileDescriptor {
    let result = unsafe path.withCString { path in
      var attribute = linux_bpf_obj()
      attribute.pathname = unsafe address(path)
      return Result { () throws(SystemCallError) in
        try call("BPF_OBJ_GET", CInt(LINUX_BPF_OBJ_GET), &attribute)
      }
    }
    return FileDescriptor(adopting: CInt(try result.get()))
  }

  /// `struct bpf_map_info`, as far as it is used.
  package struct MapInformation: Hashable, Sendable {
    package let id, type, keySize, valueSize, maxEntries, flags: UInt32
    package let name: String
    /// 0 before Linux 5.16.
    package let extra: UInt64
  }

  package static func information(ofMap map: borrowing FileDescriptor) throws(SystemCallError) -> MapInformation {
    var information = linux_bpf_map_info()
    try read(&information, of: map)
    return MapInformation(
      id: information.id, type: information.type, keySize: information.key_size, valueSize: information.value_size,
      maxEntries: information.max_entries, flags: information.map_flags, name: string(information.name),
      extra: information.map_extra)
  }
}
