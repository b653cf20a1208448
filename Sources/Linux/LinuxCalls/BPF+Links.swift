internal import CLinux

// Attaching programs to hooks, and what keeps them there.
extension BPF {
  /// What a link is attached to, beside its program and attach type: one case for each form that BPF_LINK_CREATE takes.
  package enum LinkTarget {
    /// An interface's index, a cgroup's, namespace's, map's or perf event's descriptor.
    case number(UInt32)
    /// A function of another program, by the program's descriptor and the function's type in its BTF (5.10).
    case function(program: CInt, type: UInt32, cookie: UInt64)
    /// What the program was loaded for. The cookie: 5.19.
    case ofProgram(cookie: UInt64)
    /// Kernel functions by their types in the kernel's BTF, ascending, and a cookie for each or none (7.2).
    case kernelTypes([UInt32], cookies: [UInt64])
    /// `union bpf_iter_link_info`; empty for an iterator without parameters.
    case iterator([UInt8])
    /// A perf event's descriptor, and what `bpf_get_attach_cookie` tells the program (5.15).
    case perfEvent(CInt, cookie: UInt64)
    /// Kernel functions by name or address (5.18).
    case kernelFunctions(symbols: [String], addresses: [UInt64], cookies: [UInt64], flags: UInt32)
    /// Places in an executable or library, as offsets in the file (6.6).
    case userFunctions(
      path: String, offsets: [UInt64], references: [UInt64], cookies: [UInt64], pid: UInt32, flags: UInt32)
    /// A netfilter hook: `NFPROTO_*`, `NF_INET_*` (6.4).
    case netfilter(family: UInt32, hook: UInt32, priority: Int32, flags: UInt32)
    /// An interface's index or a cgroup's descriptor, and the program or link that the new one stands beside, by descriptor
    /// or id as the flags say (tcx 6.6, netkit 6.7, cgroup 6.16).
    case beside(UInt32, neighbour: UInt32, revision: UInt64)
  }

  /// BPF_LINK_CREATE (5.7).
  package static func createLink(
    program: borrowing FileDescriptor, attachType: UInt32, flags: UInt32 = 0, to target: LinkTarget
  ) throws(SystemCallError) -> FileDescriptor {
    let head = linux_bpf_link_create(prog_fd: UInt32(program.number), target: 0, attach_type: attachType, flags: flags)
    return FileDescriptor(adopting: CInt(try createLink(head, to: target)))
  }

  private static func createLink(
    _ head: linux_bpf_link_create, to target: LinkTarget
  ) throws(SystemCallError) -> Int {
    var head = head
    switch target {
    case .number(let number):
      head.target = number
      return try link(&head)
    case .function(let program, let type, let cookie):
      head.target = UInt32(bitPattern: program)
      var attribute = linux_bpf_link_create_tracing(head: head, target_btf_id: type, padding: 0, cookie: cookie)
      return try link(&attribute)
    case .ofProgram(let cookie):
      var attribute = linux_bpf_link_create_tracing(head: head, target_btf_id: 0, padding: 0, cookie: cookie)
      return try link(&attribute)
    case .kernelTypes(let types, let cookies):
      return try withAddress(of: types) { (address) throws(SystemCallError) in
        try withAddress(of: cookies) { (cookiesAddress) throws(SystemCallError) in
          var attribute = linux_bpf_link_create_tracing_multi(
            head: head, ids: address, cookies: cookiesAddress, cnt: UInt32(types.count), padding: 0)
          return try link(&attribute)
        }
      }
    case .iterator(let parameters):
      return try withAddress(of: parameters) { (address) throws(SystemCallError) in
        var attribute = linux_bpf_link_create_iter(
          head: head, iter_info: address, iter_info_len: UInt32(parameters.count), padding: 0)
        return try link(&attribute)
      }
    case .perfEvent(let event, let cookie):
      head.target = UInt32(bitPattern: event)
      var attribute = linux_bpf_link_create_perf_event(head: head, bpf_cookie: cookie)
      return try link(&attribute)
    case .kernelFunctions(let symbols, let addresses, let cookies, let flags):
      let names = symbols.map { Array($0.utf8) + [0] }
      return try withAddress(of: names.flatMap(\.self)) { (place) throws(SystemCallError) in
        var place = place
        let symbols = names.map { name in
          defer { place += UInt64(name.count) }
          return place
        }
        return try withAddress(of: symbols) { (symbolsAddress) throws(SystemCallError) in
          try withAddress(of: addresses) { (addressesAddress) throws(SystemCallError) in
            try withAddress(of: cookies) { (cookiesAddress) throws(SystemCallError) in
              var attribute = linux_bpf_link_create_kprobe_multi(
                head: head, flags: flags, cnt: UInt32(max(symbols.count, addresses.count)), syms: symbolsAddress,
                addrs: addressesAddress, cookies: cookiesAddress)
              return try link(&attribute)
            }
          }
        }
      }
    case .userFunctions(let path, let offsets, let references, let cookies, let pid, let flags):
      return try withAddress(of: Array(path.utf8) + [0]) { (path) throws(SystemCallError) in
        try withAddress(of: offsets) { (offsetsAddress) throws(SystemCallError) in
          try withAddress(of: references) { (referencesAddress) throws(SystemCallError) in
            try withAddress(of: cookies) { (cookiesAddress) throws(SystemCallError) in
              var attribute = linux_bpf_link_create_uprobe_multi(
                head: head, path: path, offsets: offsetsAddress, ref_ctr_offsets: referencesAddress,
                cookies: cookiesAddress, cnt: UInt32(offsets.count), flags: flags, pid: pid, padding: 0)
              return try link(&attribute)
            }
          }
        }
      }
    case .netfilter(let family, let hook, let priority, let flags):
      var attribute = linux_bpf_link_create_netfilter(
        head: head, pf: family, hooknum: hook, priority: priority, flags: flags)
      return try link(&attribute)
    case .beside(let number, let neighbour, let revision):
      head.target = number
      var attribute = linux_bpf_link_create_neighbour(
        head: head, relative: neighbour, padding: 0, expected_revision: revision)
      return try link(&attribute)
    }
  }

  private static func link<Attribute: BitwiseCopyable>(
    _ attribute: inout Attribute
  ) throws(SystemCallError) -> Int {
    try call("BPF_LINK_CREATE", CInt(LINUX_BPF_LINK_CREATE), &attribute)
  }

  /// The address of a copy that lives as long as the call; 0 for nothing.
  private static func withAddress<Element: BitwiseCopyable>(
    of elements: [Element], _ body: (UInt64) throws(SystemCallError) -> Int
  ) throws(SystemCallError) -> Int {
    guard !elements.isEmpty else { return try body(0) }
    let result = unsafe elements.withUnsafeBytes { bytes in
      let address = unsafe address(bytes.baseAddress)
      return Result { () throws(SystemCallError) in try body(address) }
    }
    return try result.get()
  }

  /// BPF_LINK_UPDATE: another program takes the place of the link's, with nothing missed in between (5.7).
  /// - Parameter old: the descriptor of the program that has to be there, or else the kernel refuses.
  package static func update(
    _ link: borrowing FileDescriptor, to program: borrowing FileDescriptor, replacing old: CInt?
  ) throws(SystemCallError) {
    var attribute = linux_bpf_link_update()
    attribute.link_fd = UInt32(link.number)
    attribute.new_prog_fd = UInt32(program.number)
    if let old {
      attribute.flags = 1 << 2  // BPF_F_REPLACE
      attribute.old_prog_fd = UInt32(bitPattern: old)
    }
    _ = try call("BPF_LINK_UPDATE", CInt(LINUX_BPF_LINK_UPDATE), &attribute)
  }

  /// BPF_LINK_DETACH: the link's program leaves its hook now, whoever else holds the link (5.9). Links of some kinds only.
  package static func detach(_ link: borrowing FileDescriptor) throws(SystemCallError) {
    var attribute = linux_bpf_link_detach(link_fd: UInt32(link.number))
    _ = try call("BPF_LINK_DETACH", CInt(LINUX_BPF_LINK_DETACH), &attribute)
  }

  /// BPF_ITER_CREATE: a file that runs an iterator's program while it is read (5.8).
  package static func createIterator(_ link: borrowing FileDescriptor) throws(SystemCallError) -> FileDescriptor {
    var attribute = linux_bpf_iter_create(link_fd: UInt32(link.number), flags: 0)
    return try descriptor("BPF_ITER_CREATE", CInt(LINUX_BPF_ITER_CREATE), &attribute)
  }

  /// BPF_RAW_TRACEPOINT_OPEN: a link, though it is older than they (4.17).
  /// - Parameters:
  ///   - name: of the tracepoint; `nil` for a program whose target was told when it was loaded.
  ///   - cookie: not 0: 6.10.
  package static func openRawTracepoint(
    _ name: String?, program: borrowing FileDescriptor, cookie: UInt64 = 0
  ) throws(SystemCallError) -> FileDescriptor {
    let number = program.number
    let bytes: [UInt8] = name.map { Array($0.utf8) + [0] } ?? []
    let result = unsafe bytes.withUnsafeBytes { name in
      var attribute = linux_bpf_raw_tracepoint()
      attribute.name = name.count > 0 ? unsafe address(name.baseAddress) : 0
      attribute.prog_fd = UInt32(number)
      attribute.cookie = cookie
      return Result { () throws(SystemCallError) in
        try call("BPF_RAW_TRACEPOINT_OPEN", CInt(LINUX_BPF_RAW_TRACEPOINT_OPEN), &attribute)
      }
    }
    return FileDescriptor(adopting: CInt(try result.get()))
  }

  /// BPF_PROG_ATTACH: to a cgroup, map or network namespace, where the program stays until somebody takes it back (4.10).
  /// - Parameter old: the program whose place it takes (5.6), with `BPF_F_REPLACE` among the flags.
  package static func attach(
    _ program: borrowing FileDescriptor, to target: CInt, attachType: UInt32, flags: UInt32 = 0,
    replacing old: CInt = 0
  ) throws(SystemCallError) {
    var attribute = linux_bpf_prog_attach()
    attribute.target = UInt32(bitPattern: target)
    attribute.attach_bpf_fd = UInt32(program.number)
    attribute.attach_type = attachType
    attribute.attach_flags = flags
    attribute.replace_bpf_fd = UInt32(bitPattern: old)
    _ = try call("BPF_PROG_ATTACH", CInt(LINUX_BPF_PROG_ATTACH), &attribute)
  }

  /// BPF_PROG_DETACH.
  package static func detach(
    _ program: borrowing FileDescriptor, from target: CInt, attachType: UInt32
  ) throws(SystemCallError) {
    var attribute = linux_bpf_prog_attach()
    attribute.target = UInt32(bitPattern: target)
    attribute.attach_bpf_fd = UInt32(program.number)
    attribute.attach_type = attachType
    _ = try call("BPF_PROG_DETACH", CInt(LINUX_BPF_PROG_DETACH), &attribute)
  }

  /// What is attached at a hook of an interface, cgroup, map or namespace.
  package struct AttachedPrograms: Hashable, Sendable {
    /// The programs' ids, in the order in which they run.
    package let programs: [UInt32]
    /// The ids of the links that keep them, 0 for one without; empty before 6.6 and where there are none.
    package let links: [UInt32]
    package let flags: UInt32
    /// Counts the changes at the hook (6.6), for ordering against others.
    package let revision: UInt64
  }

  /// BPF_PROG_QUERY (4.15).
  package static func query(target: UInt32, attachType: UInt32) throws(SystemCallError) -> AttachedPrograms {
    // The kernel answers ENOSPC and how many there are when there is too little room.
    for room in [64, 4096] {
      var programs = [UInt32](repeating: 0, count: room)
      var links = [UInt32](repeating: 0, count: room)
      let (result, attribute) = unsafe programs.withUnsafeMutableBytes { programs in
        unsafe links.withUnsafeMutableBytes { links in
          var attribute = linux_bpf_prog_query()
          attribute.target = target
          attribute.attach_type = attachType
          attribute.prog_ids = unsafe address(UnsafeRawPointer(programs.baseAddress))
          attribute.count = UInt32(room)
          // Only some hooks of newer kernels tell the links, and others refuse to be asked.
          let isNetwork = [46, 47, 54, 55].contains(attachType)
          if isNetwork { attribute.link_ids = unsafe address(UnsafeRawPointer(links.baseAddress)) }
          let result = Result { () throws(SystemCallError) in
            try call("BPF_PROG_QUERY", CInt(LINUX_BPF_PROG_QUERY), &attribute)
          }
          return (result, attribute)
        }
      }
      if case .failure(let error) = result, error.errno == .noSpace, room < 4096 { continue }
      _ = try result.get()
      let count = min(Int(attribute.count), room)
      return AttachedPrograms(
        programs: Array(programs[..<count]), links: attribute.link_ids == 0 ? [] : Array(links[..<count]),
        flags: attribute.attach_flags, revision: attribute.revision)
    }
    throw SystemCallError(call: "bpf(BPF_PROG_QUERY)", errno: .noSpace)
  }
}
