import BPFInstructions
import BPFObjectFile
import BPFTypes
import LinuxCalls

/// Loads the smallest programs there are, to see whether the kernel knows their type and what they call.
struct ProgramProbe {
  /// What programs of the types that stand for something in the kernel can be attached to.
  static let tracing: [(name: String, type: ProgramType, attachType: AttachType)] = [
    ("tp_btf", .tracing, .traceRawTracepoint), ("fentry", .tracing, .traceFunctionEntry),
    ("fexit", .tracing, .traceFunctionExit), ("fmod_ret", .tracing, .modifyReturn),
    ("fsession", .tracing, .traceFunctionSession), ("iter", .tracing, .traceIterator), ("lsm", .lsm, .lsmMAC),
    ("lsm_cgroup", .lsm, .lsmCgroup), ("kprobe.multi", .kprobe, .traceKprobeMulti),
    ("kprobe.session", .kprobe, .traceKprobeSession), ("uprobe.multi", .kprobe, .traceUprobeMulti),
    ("uprobe.session", .kprobe, .traceUprobeSession),
  ]

  let type: ProgramType
  /// Where several are possible.
  var attachType: AttachType?
  /// A tracepoint's type among the kernel's, which programs on typed tracepoints need to be looked at at all.
  var tracepoint: UInt32?
  let version: UInt32
  let missing: [Capability]

  /// Whether programs of the type can be loaded.
  var answer: Feature.Answer {
    switch attempt([.move(.r0, constant: 0), .exit]) {
    case .loaded: return .yes
    case .refused(let error, let log):
      // The verifier spoke, so it knows the type; types that stand for a function of the kernel are refused for theirs.
      if !log.isEmpty { return .yes }
      // ENOTSUPP, which no C library knows, is what struct_ops answers to a structure that is none.
      if type == .structOps, error.errno == Errno(rawValue: 524) { return .yes }
      return Feature.Answer(refusal: error, missing: missing)
    }
  }

  /// Whether programs of the type may call a helper.
  func answer(helper number: Int32) -> Feature.Answer {
    let needsTarget = [.tracing, .lsm, .extension, .structOps].contains(type)
    guard !needsTarget || type == .tracing && tracepoint != nil else {
      return .unknown("depends on what the program is attached to")
    }
    switch attempt([Instruction(opcode: Opcode.call, immediate: number), .exit]) {
    case .loaded: return .yes
    case .refused(let error, let log):
      // The verifier says so first; whatever else it has against the call concerns the missing arguments.
      for words in ["invalid func ", "unknown func ", "program of this type cannot use helper "]
      where log.contains(words) {
        return .no("the verifier: \(log.split(separator: "\n").first { $0.contains(words) } ?? "")")
      }
      return log.isEmpty ? Feature.Answer(refusal: error, missing: missing) : .yes
    }
  }

  private enum Outcome {
    case loaded
    case refused(SystemCallError, log: String)
  }

  private func attempt(_ instructions: [Instruction]) -> Outcome {
    var attributes = BPF.ProgramAttributes()
    attributes.type = type.rawValue
    attributes.license = "GPL"
    attributes.kernelVersion = version
    switch type {
    case .cgroupSocketAddress: attributes.expectedAttachType = AttachType.cgroupInet4Connect.rawValue
    case .cgroupSocketOption: attributes.expectedAttachType = AttachType.cgroupGetSocketOption.rawValue
    case .skLookup: attributes.expectedAttachType = AttachType.skLookup.rawValue
    case .skReuseport: attributes.expectedAttachType = AttachType.skReuseportSelect.rawValue
    case .netfilter: attributes.expectedAttachType = AttachType.netfilter.rawValue
    case .syscall: attributes.flags = ProgramFlags.sleepable.rawValue
    // Type 1 is none of the kinds that one can attach to, which the verifier says where it knows such programs.
    case .tracing:
      (attributes.expectedAttachType, attributes.attachType) = (
        AttachType.traceRawTracepoint.rawValue, tracepoint ?? 1
      )
    case .lsm: (attributes.expectedAttachType, attributes.attachType) = (AttachType.lsmMAC.rawValue, 1)
    case .extension: attributes.attachType = 1
    case .structOps: attributes.attachType = 1
    default: break
    }
    if let attachType { attributes.expectedAttachType = attachType.rawValue }
    do {
      _ = try unsafe BPF.loadProgram(
        attributes, name: "probe", instructions: instructions.span.bytes, btf: nil, functions: [UInt32]().span.bytes,
        lines: [UInt32]().span.bytes, logByteCount: 4096)
      return .loaded
    } catch {
      // What the verifier has spent is told in any case, and is no word on the program.
      let words = error.log.split(separator: "\n").filter { !$0.hasPrefix("processed ") }
      return .refused(error.error, log: words.joined(separator: "\n"))
    }
  }
}
