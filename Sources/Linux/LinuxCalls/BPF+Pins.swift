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
}
