import BPFObjectFile
import LinuxCalls

/// What to do about a refused attempt: a pure table, so that each sentence has its test.
enum LoadHint {
  static func sentence(
    for attempt: LoadError.Attempt, errno: Errno, log: VerifierLog?, missing: [Capability], unreachable: String? = nil,
    release: String
  ) -> String? {
    if !missing.isEmpty {
      let names = missing.map(\.name).joined(separator: ", ")
      return "This process lacks \(names). Run it as root, or give the file the capabilities:"
        + " setcap cap_bpf,cap_net_admin,cap_perfmon+ep FILE"
    }
    if let unreachable {
      return
        "This instruction stands for \(unreachable), which this kernel, \(release), does not have. Let the program come"
        + " here only where bpf_core_field_exists(), bpf_core_type_exists() or bpf_ksym_exists() says that it does."
    }
    switch (attempt, errno) {
    case (.createMap(let map), .invalidArgument) where map.lacksEntries || map.lacksValueSize:
      let entries = map.lacksEntries ? ["how many entries it has room for (--entries \(map.name)=NUMBER)"] : []
      let size = map.type == .stackTrace ? ", 8 for each frame" : ""
      let values =
        map.lacksValueSize ? ["how many bytes its values have\(size) (--value-size \(map.name)=BYTES)"] : []
      return "The object leaves to its loader \((entries + values).joined(separator: " and "))."
    case (.createMap(let map), .invalidArgument) where map.type == .ringBuffer:
      return "A ring buffer's size has to be a power of two and a multiple of the page size, and the kernel at least"
        + " Linux 5.8; this one is \(release)."
    case (.createMap, .notPermitted), (.loadProgram, .notPermitted), (.loadBTF, .notPermitted):
      return "The capabilities are there, so something else forbids it: the limit on locked memory before Linux 5.11"
        + " (ulimit -l unlimited), lockdown (/sys/kernel/security/lockdown), a security module or a seccomp filter."
    case (.createMap, .outOfMemory), (.createMap, .argumentListTooLong):
      return "The map is too large for this machine or this kernel; make it smaller."
    case (.loadProgram, _) where log?.limitLine != nil:
      return
        "The program is too large for the verifier, which follows a million instructions and 8,192 branches at once:"
        + " give it fewer branches and shorter loops, or split it by tail calls."
    case (.loadProgram, .invalidArgument) where log?.text.isEmpty ?? true:
      return "The kernel did not get as far as the verifier: it does not know the program's type, its attach type or"
        + " one of its flags. This kernel is \(release)."
    case (.loadProgram, .invalidArgument):
      return log?.unknownInstructionSet.map {
        "This kernel, \(release), does not know one of the program's instructions: compile it with -mcpu=\($0)."
      }
    case (.pinMap(_, let path), .noSuchFile), (.pinMap(_, let path), .notPermitted),
      (.pinMap(_, let path), .invalidArgument):
      return "\(path) has to lie in a BPF file system: mount -t bpf bpf \(path.directory)"
    case (.adoptMap(_, let path, _), _):
      return "Another program, or another version of this one, left it. Remove \(path), or pin under another name."
    case (.openMap, .notPermitted): return "Opening a map by its number takes CAP_SYS_ADMIN."
    case (.openMap, .noSuchFile): return "There is no such map, or none any more: bpftool map lists them."
    case (.findModule(let name), _):
      return "The kernel lists the types of modules since Linux 5.11, and to CAP_SYS_ADMIN only: modprobe \(name)"
    case (.replaceNothing, _):
      return "LoadedObject(loading:replacing:) takes the function, by the program's name."
    case (.findFunction, _):
      return "The program has to be compiled with -g and have the function as one of its own, global and not inlined."
    case (_, .notImplemented):
      return "This kernel, \(release), was built without bpf(2) (CONFIG_BPF_SYSCALL)."
    default: return nil
    }
  }
}

extension MapSpec {
  /// Whether the kernel wants a number of entries and is told none.
  fileprivate var lacksEntries: Bool {
    let unbounded: Set<MapType> = [
      .skStorage, .inodeStorage, .taskStorage, .cgrpStorage, .cgroupStorage, .perCPUCgroupStorage,
    ]
    return maxEntries == 0 && !unbounded.contains(type)
  }
  fileprivate var lacksValueSize: Bool {
    let withoutValues: Set<MapType> = [.ringBuffer, .userRingBuffer, .arena]
    return valueSize == 0 && !withoutValues.contains(type)
  }
}

extension VerifierLog {
  /// Where the verifier did not know an instruction: the newest instruction set that has none of the kind.
  fileprivate var unknownInstructionSet: String? {
    guard let verdict = decisiveLines.last else { return nil }
    // Of the set v3, kernels before 5.12 lack the atomic operations other than an addition without a result.
    if verdict.hasPrefix("BPF_STX uses reserved fields") || verdict.hasPrefix("BPF_XADD uses reserved fields") {
      return "v2"
    }
    let v4 = ["unknown opcode ", "BPF_LDX uses reserved", "BPF_MOV uses reserved", "BPF_ALU uses reserved"]
    return v4.contains { verdict.hasPrefix($0) } ? "v3" : nil
  }
}

extension String {
  /// What stands before the last slash.
  fileprivate var directory: Substring { lastIndex(of: "/").map { self[..<$0] } ?? "." }
}
