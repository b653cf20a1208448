internal import CLinux

// What is in the kernel: going through all there is of a kind, and what each is.
extension BPF {
  /// What has a number of its own; each kind counts by itself.
  package enum ObjectKind: Sendable {
    case program, map, link, types

    fileprivate var next: (name: String, command: CInt) {
      switch self {
      case .program: ("BPF_PROG_GET_NEXT_ID", CInt(LINUX_BPF_PROG_GET_NEXT_ID))
      case .map: ("BPF_MAP_GET_NEXT_ID", CInt(LINUX_BPF_MAP_GET_NEXT_ID))
      case .link: ("BPF_LINK_GET_NEXT_ID", CInt(LINUX_BPF_LINK_GET_NEXT_ID))
      case .types: ("BPF_BTF_GET_NEXT_ID", CInt(LINUX_BPF_BTF_GET_NEXT_ID))
      }
    }

    fileprivate var open: (name: String, command: CInt) {
      switch self {
      case .program: ("BPF_PROG_GET_FD_BY_ID", CInt(LINUX_BPF_PROG_GET_FD_BY_ID))
      case .map: ("BPF_MAP_GET_FD_BY_ID", CInt(LINUX_BPF_MAP_GET_FD_BY_ID))
      case .link: ("BPF_LINK_GET_FD_BY_ID", CInt(LINUX_BPF_LINK_GET_FD_BY_ID))
      case .types: ("BPF_BTF_GET_FD_BY_ID", CInt(LINUX_BPF_BTF_GET_FD_BY_ID))
      }
    }
  }

  /// BPF_*_GET_FD_BY_ID (4.13; links 5.8). Takes CAP_SYS_ADMIN.
  package static func open(_ kind: ObjectKind, id: UInt32) throws(SystemCallError) -> FileDescriptor {
    var attribute = linux_bpf_get_id(id: id, next_id: 0, open_flags: 0)
    return try descriptor(kind.open.name, kind.open.command, &attribute)
  }

  /// BPF_*_GET_NEXT_ID: everything of a kind, until `body` says that it is enough. Takes CAP_SYS_ADMIN.
  package static func forEach(
    _ kind: ObjectKind, _ body: (borrowing FileDescriptor) throws(SystemCallError) -> Bool
  ) throws(SystemCallError) {
    var attribute = linux_bpf_get_id()
    while true {
      do { _ = try call(kind.next.name, kind.next.command, &attribute) } catch {
        // Behind the last.
        if error.errno == .noSuchFile { return }
        throw error
      }
      attribute.id = attribute.next_id
      do { guard try body(open(kind, id: attribute.id)) else { return } } catch {
        // What has gone in the meantime is none, and a link that is just being made (EAGAIN) is none yet.
        guard error.errno == .noSuchFile || error.errno == .tryAgain else { throw error }
      }
    }
  }

  /// `struct bpf_prog_info`, as far as it is used.
  package struct ProgramInformation: Hashable, Sendable {
    package let id, type: UInt32
    package let name: String
    /// A digest of the instructions, `sha1` cut to 8 bytes.
    package let tag: [UInt8]
    /// In bytes: what runs, 0 for a program that is interpreted, and what the verifier made of it.
    package let compiledByteCount, translatedByteCount: UInt32
    /// In nanoseconds since the start of the machine.
    package let loadTime: UInt64
    package let user: UInt32
    package let maps: [UInt32]
    /// Its own types, 0 for none.
    package let types: UInt32
    /// Since it was loaded, while kernel.bpf_stats_enabled was set.
    package let runNanoseconds, runCount: UInt64
    /// How often the kernel left it out, since it had not come to its end on that CPU (5.12).
    package let missCount: UInt64
    /// How many instructions the verifier looked at (5.16).
    package let verifiedCount: UInt32
    /// The type that it was loaded for, in the types of that number (6.0).
    package let attachTypes, attachType: UInt32
  }

  package static func information(ofProgram program: borrowing FileDescriptor) throws(SystemCallError)
    -> ProgramInformation
  {
    var information = linux_bpf_prog_info()
    try read(&information, of: program)
    var maps = [UInt32](repeating: 0, count: min(Int(information.nr_map_ids), 1 << 16))
    if !maps.isEmpty {
      let (number, count) = (program.number, maps.count)
      let result = unsafe maps.withUnsafeMutableBytes { maps in
        var again = linux_bpf_prog_info()
        again.nr_map_ids = UInt32(count)
        again.map_ids = unsafe address(UnsafeRawPointer(maps.baseAddress))
        return Result { () throws(SystemCallError) in try read(&again, of: number) }
      }
      try result.get()
    }
    return ProgramInformation(
      id: information.id, type: information.type, name: string(information.name),
      tag: unsafe withUnsafeBytes(of: information.tag) { unsafe Array($0) },
      compiledByteCount: information.jited_prog_len, translatedByteCount: information.xlated_prog_len,
      loadTime: information.load_time, user: information.created_by_uid, maps: maps, types: information.btf_id,
      runNanoseconds: information.run_time_ns, runCount: information.run_cnt,
      missCount: information.recursion_misses,
      verifiedCount: information.verified_insns, attachTypes: information.attach_btf_obj_id,
      attachType: information.attach_btf_id)
  }

  /// `struct bpf_btf_info`
  package struct TypesInformation: Hashable, Sendable {
    package let id: UInt32
    /// In bytes.
    package let size: UInt32
    /// `vmlinux` or a module's; empty for what a program brought.
    package let name: String
    /// Whether it is the kernel's or a module's (5.11).
    package let isOfKernel: Bool
  }

  package static func information(ofTypes types: borrowing FileDescriptor) throws(SystemCallError) -> TypesInformation {
    do { return try information(ofTypes: types, nameByteCount: 64) } catch {
      // Before 5.11, types have no names, and nobody may ask for one.
      guard error.errno == .argumentListTooLong else { throw error }
      return try information(ofTypes: types, nameByteCount: 0)
    }
  }

  private static func information(
    ofTypes types: borrowing FileDescriptor, nameByteCount: Int
  ) throws(SystemCallError) -> TypesInformation {
    var name = [UInt8](repeating: 0, count: nameByteCount)
    var information = linux_bpf_btf_info()
    let number = types.number
    let result = unsafe name.withUnsafeMutableBytes { name in
      if name.count > 0 {
        information.name = unsafe address(UnsafeRawPointer(name.baseAddress))
        information.name_len = UInt32(name.count)
      }
      return Result { () throws(SystemCallError) in try read(&information, of: number) }
    }
    try result.get()
    return TypesInformation(
      id: information.id, size: information.btf_size, name: String(decoding: name.prefix { $0 != 0 }, as: UTF8.self),
      isOfKernel: information.kernel_btf != 0)
  }

  /// The bytes of BTF that is in the kernel, which for a module's continues the kernel's.
  package static func bytes(ofTypes types: borrowing FileDescriptor) throws(SystemCallError) -> [UInt8] {
    let size = Int(try information(ofTypes: types).size)
    var bytes = [UInt8](repeating: 0, count: size)
    let number = types.number
    let result = unsafe bytes.withUnsafeMutableBytes { bytes in
      var information = linux_bpf_btf_info()
      information.btf = unsafe address(UnsafeRawPointer(bytes.baseAddress))
      information.btf_size = UInt32(bytes.count)
      return Result { () throws(SystemCallError) in try read(&information, of: number) }
    }
    try result.get()
    return bytes
  }

  /// The descriptor of a module's BTF (5.11), `nil` where there is none. Takes CAP_SYS_ADMIN.
  package static func types(ofModule name: String) throws(SystemCallError) -> FileDescriptor? {
    var found: UInt32?
    try forEach(.types) { (types) throws(SystemCallError) in
      let information = try information(ofTypes: types)
      if information.isOfKernel, information.name == name { found = information.id }
      return found == nil
    }
    return try found.map { (id) throws(SystemCallError) in try open(.types, id: id) }
  }

  /// `struct bpf_link_info`, as far as it is used.
  package struct LinkInformation: Hashable, Sendable {
    package let id: UInt32
    /// `enum bpf_link_type`
    package let type: UInt32
    package let program: UInt32
    package let target: Target

    package enum Target: Hashable, Sendable {
      /// The index, 0 once the interface has gone.
      case interface(UInt32, attachType: UInt32?)
      /// The cgroup's id, 0 once it has gone.
      case cgroup(UInt64, attachType: UInt32)
      /// The network namespace's inode, 0 once it has gone.
      case namespace(UInt32, attachType: UInt32)
      /// A type in the types, or a function of the program, of that number.
      case type(UInt32, of: UInt32, attachType: UInt32)
      /// A raw tracepoint, an iterator's kind, the function or tracepoint of a probe (6.6 for these), by name.
      case name(String, offset: UInt32)
      /// How many functions a link of several has.
      case functions(count: UInt32)
      case netfilter(family: UInt32, hook: UInt32, priority: Int32)
      case other
    }

    /// Whether what it was attached to is still there, as far as a link tells.
    package var isAttached: Bool {
      switch target {
      case .interface(let index, _): index != 0
      case .cgroup(let id, _): id != 0
      case .namespace(let inode, _): inode != 0
      default: true
      }
    }
  }

  package static func information(ofLink link: borrowing FileDescriptor) throws(SystemCallError) -> LinkInformation {
    var information = linux_bpf_link_info()
    try read(&information, of: link)
    func low(_ word: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: word) }
    func high(_ word: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: word >> 32) }
    let (first, second) = (information.word0, information.word1)
    // `enum bpf_link_type`
    let target: LinkInformation.Target
    switch information.type {
    case 1, 4: target = .name(try name(of: link, isPerfEvent: false), offset: 0)
    case 2: target = .type(low(second), of: high(first), attachType: low(first))
    case 3: target = .cgroup(first, attachType: low(second))
    case 5: target = .namespace(low(first), attachType: high(first))
    case 6: target = .interface(low(first), attachType: nil)
    // BPF_PERF_EVENT_EVENT has no name.
    case 7 where low(first) > 0 && low(first) < 6:
      let offset = low(first) == 5 ? 0 : high(information.word2)
      target = .name(try name(of: link, isPerfEvent: true), offset: offset)
    case 8: target = .functions(count: low(second))
    case 10:
      target = .netfilter(family: low(first), hook: high(first), priority: Int32(bitPattern: low(second)))
    case 11, 13: target = .interface(low(first), attachType: high(first))
    default: target = .other
    }
    return LinkInformation(id: information.id, type: information.type, program: information.prog_id, target: target)
  }

  /// The name that a link tells into memory of the caller's.
  private static func name(
    of link: borrowing FileDescriptor, isPerfEvent: Bool
  ) throws(SystemCallError) -> String {
    var name = [UInt8](repeating: 0, count: 512)
    let number = link.number
    let result = unsafe name.withUnsafeMutableBytes { name in
      var information = linux_bpf_link_info()
      let place = unsafe address(UnsafeRawPointer(name.baseAddress))
      if isPerfEvent {
        (information.word1, information.word2) = (place, UInt64(name.count))
      } else {
        (information.word0, information.word1) = (place, UInt64(name.count))
      }
      return Result { () throws(SystemCallError) in try read(&information, of: number) }
    }
    // A name that is too long is cut off, and said to be.
    if case .failure(let error) = result, error.errno != .noSpace { throw error }
    return String(decoding: name.prefix { $0 != 0 }, as: UTF8.self)
  }
}
