public import BPFLoader
import BPFObjectFile
import BPFRelocation
import BPFTypes
import LinuxCalls

extension Program {
  /// Attaches a program that was loaded for one function or tracepoint: `tp_btf` (5.5), `fentry`, `fexit` (5.5), `fmod_ret`,
  /// `lsm` (5.7), `fsession` (7.0). A link of this kind cannot be updated to another program.
  /// - Parameter cookie: what `bpf_get_attach_cookie` tells the program (5.19).
  public func attachTracing(cookie: UInt64 = 0, rungs: [Rung] = Rung.tracing) throws(AttachError) -> Link {
    let isSecurity = plan.type == .lsm
    let place = AttachPlace(
      program: name, hook: isSecurity ? .lsm : .tracing, target: plan.attachTarget?.name ?? plan.sectionName)
    guard plan.attachTarget != nil, plan.type == .tracing || isSecurity, plan.expectedAttachType != .traceIterator
    else {
      throw AttachError(place: place, reason: .wrongProgram("it was not loaded for one function or tracepoint"))
    }
    if isSecurity, let modules = AttachPlace.securityModules, !modules.contains("bpf") {
      throw AttachError(place: place, reason: .noSecurityModule(active: modules))
    }
    return try place.climb(rungs) { (rung) throws(RungFailure) in
      try RungFailure.running { () throws(SystemCallError) in
        .link(try tracingLink(to: .ofProgram(cookie: cookie), hasCookie: cookie != 0, rung))
      }
    }
  }

  /// - Parameter hasCookie: only the first rung can carry one.
  func tracingLink(
    to target: BPF.LinkTarget, hasCookie: Bool, _ rung: Rung
  ) throws(SystemCallError) -> FileDescriptor {
    guard rung.way != .link else {
      return try BPF.createLink(program: descriptor, attachType: plan.expectedAttachType.rawValue, to: target)
    }
    guard !hasCookie else {
      throw SystemCallError(call: "bpf(BPF_RAW_TRACEPOINT_OPEN) with a cookie", errno: .notSupported)
    }
    return try BPF.openRawTracepoint(nil, program: descriptor)
  }

  /// Attaches a `fentry.multi`, `fexit.multi` or `fsession.multi` program to many functions of the kernel at once (7.2).
  /// - Parameters:
  ///   - functions: their names in the kernel's BTF.
  ///   - cookies: what `bpf_get_attach_cookie` tells the program, one for each function, or none.
  public func attachTracing(
    toFunctions functions: [String], cookies: [UInt64] = []
  ) throws(AttachError) -> Link {
    let place = AttachPlace(
      program: name, hook: .tracing,
      target: functions.count == 1 ? functions[0] : "\(functions.count) functions of the kernel")
    let kinds: [AttachType] = [.traceFunctionEntryMulti, .traceFunctionExitMulti, .traceFunctionSessionMulti]
    guard plan.type == .tracing, kinds.contains(plan.expectedAttachType) else {
      throw AttachError(place: place, reason: .wrongProgram("it was not loaded for many functions (fentry.multi)"))
    }
    guard cookies.isEmpty || cookies.count == functions.count else {
      throw AttachError(
        place: place,
        reason: .noTarget("there are \(functions.count) functions and \(cookies.count) cookies", hint: nil))
    }
    // The kernel takes them ascending.
    let types = try place.types(of: functions).enumerated().sorted { $0.element < $1.element }
    return try place.climb([Rung(.link)]) { (_) throws(RungFailure) in
      try RungFailure.running { () throws(SystemCallError) in
        .link(
          try BPF.createLink(
            program: descriptor, attachType: plan.expectedAttachType.rawValue,
            to: .kernelTypes(types.map(\.element), cookies: cookies.isEmpty ? [] : types.map { cookies[$0.offset] })))
      }
    }
  }
}

extension Rung {
  /// BPF_LINK_CREATE does it since 5.19, the older command on every kernel.
  public static let tracing = [Rung(.link), Rung(.rawTracepoint)]
}

extension AttachPlace {
  /// The functions' numbers in the kernel's BTF, in their order.
  fileprivate func types(of functions: [String]) throws(AttachError) -> [UInt32] {
    let found: [UInt32?]
    do {
      guard let kernel = try TargetKernel.types() else {
        throw AttachError(
          place: self,
          reason: .noTarget(
            "the kernel has no BTF", hint: "It has to be built with CONFIG_DEBUG_INFO_BTF (/sys/kernel/btf/vmlinux)."))
      }
      found = try zip(functions, kernel.types(named: functions, flavours: false)).map { name, types in
        try types.first { id in
          let record = try kernel.record(id)
          return try record.kind == .function && kernel.name(of: record) == name
        }?.rawValue
      }
    } catch let error as AttachError {
      throw error
    } catch let error as LoadError {
      throw AttachError(place: self, reason: .failed(error.cause.call, error.cause.errno))
    } catch {
      throw AttachError(place: self, reason: .noTarget("the kernel's BTF \(error)", hint: nil))
    }
    if let missing = zip(functions, found).first(where: { $0.1 == nil }) {
      throw AttachError(
        place: self,
        reason: .noTarget(
          "the kernel's BTF has no function \(missing.0)",
          hint:
            "It may be inlined, or be a system call's entry, whose name begins with the architecture's (__x64_sys_)."))
    }
    return found.compactMap(\.self)
  }

  /// The security modules that run; `nil` where securityfs does not tell.
  fileprivate static var securityModules: [String]? {
    line(ofFile: "/sys/kernel/security/lsm")?.split(separator: ",").map(String.init)
  }
}

extension AttachError.Reason {
  /// The kernel attaches the program all the same, and never runs it.
  static func noSecurityModule(active: [String]) -> Self {
    .noTarget(
      "the security module bpf is not active, so that no lsm program runs",
      hint: "Boot the kernel with lsm=\((active + ["bpf"]).joined(separator: ",")) (CONFIG_BPF_LSM).")
  }
}
