internal import CLinux

// BTF that is in the kernel: its own, its modules' and what was loaded.
extension BPF {
  /// BPF_BTF_GET_NEXT_ID and BPF_BTF_GET_FD_BY_ID: the descriptor of a module's BTF (5.11), `nil` where there is none.
  /// Takes CAP_SYS_ADMIN.
  package static func types(ofModule name: String) throws(SystemCallError) -> FileDescriptor? {
    var last: UInt32 = 0
    while let id = try nextID(after: last, "BPF_BTF_GET_NEXT_ID", CInt(LINUX_BPF_BTF_GET_NEXT_ID)) {
      last = id
      do {
        let types = try descriptor("BPF_BTF_GET_FD_BY_ID", CInt(LINUX_BPF_BTF_GET_FD_BY_ID), id: id)
        if try isModule(types, named: name) { return types }
      } catch {
        // What has gone in the meantime is none.
        guard error.errno == .noSuchFile else { throw error }
      }
    }
    return nil
  }

  private static func isModule(_ types: borrowing FileDescriptor, named wanted: String) throws(SystemCallError) -> Bool
  {
    var name = [UInt8](repeating: 0, count: 64)
    var information = linux_bpf_btf_info()
    let number = types.number
    let result = unsafe name.withUnsafeMutableBytes { name in
      information.name = unsafe address(UnsafeRawPointer(name.baseAddress))
      information.name_len = UInt32(name.count)
      return Result { () throws(SystemCallError) in try read(&information, of: number) }
    }
    try result.get()
    return information.kernel_btf != 0 && String(decoding: name.prefix { $0 != 0 }, as: UTF8.self) == wanted
  }
}
