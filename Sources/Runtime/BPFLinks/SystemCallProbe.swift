public import BPFLoader

extension Program {
  /// Attaches the program to the function that carries out a system call, whatever it is called on this kernel and machine
  /// (`ksyscall`, `kretsyscall`). Calls by 32-bit programs pass elsewhere.
  /// - Parameter systemCall: without the prefix: `openat`.
  public func attachSystemCall(
    _ systemCall: String, isReturn: Bool = false, maxActive: Int? = nil, cookie: UInt64 = 0,
    rungs: [Rung] = Rung.kprobe
  ) throws(AttachError) -> Link {
    func attach(to function: String) throws(AttachError) -> Link {
      try attachKprobe(
        .function(function), isReturn: isReturn, maxActive: maxActive, cookie: cookie, rungs: rungs)
    }
    let function = SystemCallFunction.prefix + systemCall
    do throws(AttachError) { return try attach(to: function) } catch {
      // Only now, since the list is long.
      guard let symbols = KernelFunctionList.symbols() else { throw error }
      guard let found = SystemCallFunction.name(of: systemCall, in: symbols) else {
        let near = NearNames.of(systemCall, in: SystemCallFunction.all(in: symbols))
        throw AttachError(
          place: AttachPlace(program: name, hook: .kprobe, target: systemCall),
          reason: .noTarget(
            "there is no such system call",
            hint: NearNames.question(near)))
      }
      guard found != function else { throw error }
      return try attach(to: found)
    }
  }
}

/// How the functions of system calls are called: where they get their arguments in registers saved by the kernel, a name
/// for each machine (4.17, arm64 4.19), else the same for all.
enum SystemCallFunction {
  #if arch(x86_64)
    static let prefixes = ["__x64_sys_", "__se_sys_", "sys_"]
  #else
    static let prefixes = ["__arm64_sys_", "__se_sys_", "sys_"]
  #endif

  /// What the names of this kernel begin with.
  static let prefix: String =
    KernelFunctionList.symbols().flatMap { symbols in
      prefixes.first { !symbols.functions(named: $0 + "getpid", module: nil).isEmpty }
    } ?? prefixes[0]

  static func name(of systemCall: String, in symbols: KernelFunctionList) -> String? {
    prefixes.map { $0 + systemCall }.first { !symbols.functions(named: $0, module: nil).isEmpty }
  }

  static func all(in symbols: KernelFunctionList) -> [String] {
    symbols.functions(containing: " " + prefixes[0]).map { String($0.name.dropFirst(prefixes[0].count)) }
  }
}
