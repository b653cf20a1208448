import LinuxCalls

/// What to do about a refused attachment: a pure table, so that each sentence has its test.
enum AttachHint {
  /// What of the machine's settings may have been the reason.
  struct Machine {
    /// /proc/sys/kernel/perf_event_paranoid, where it could be read.
    var perfEventParanoid: Int?
    /// /sys/kernel/security/lockdown: `none`, `integrity` or `confidentiality`.
    var lockdown: String?
    /// /proc/sys/kernel/unprivileged_bpf_disabled
    var unprivilegedBPFDisabled: Int?
    var release = ""

    static var here: Machine {
      func number(_ name: String) -> Int? { line(ofFile: "/proc/sys/kernel/\(name)").flatMap { Int($0) } }
      // `none [integrity] confidentiality`: the brackets are round the one that holds.
      let lockdown = line(ofFile: "/sys/kernel/security/lockdown")?.split(separator: " ").first { $0.hasPrefix("[") }
      return Machine(
        perfEventParanoid: number("perf_event_paranoid"), lockdown: lockdown.map { String($0.dropFirst().dropLast()) },
        unprivilegedBPFDisabled: number("unprivileged_bpf_disabled"), release: kernelRelease())
    }
  }

  static func sentence(for hook: Hook, errno: Errno, effective: Set<Capability>, machine: Machine) -> String? {
    switch errno {
    case .notPermitted, .accessDenied:
      let missing =
        effective.contains(.sysAdmin)
        ? hook.capabilities.filter { $0 == .netAdmin && !effective.contains($0) }
        : hook.capabilities.filter { !effective.contains($0) }
      if !missing.isEmpty {
        return "This process lacks \(missing.map(\.name).joined(separator: ", ")), which attaching takes."
      }
      if hook.capabilities == [.perfmon] {
        if let lockdown = machine.lockdown, lockdown == "confidentiality" {
          return "The kernel is locked down (\(lockdown), /sys/kernel/security/lockdown): nobody may probe it."
        }
        if let level = machine.perfEventParanoid, level > 2, !effective.contains(.sysAdmin) {
          return "/proc/sys/kernel/perf_event_paranoid is \(level), which keeps even CAP_PERFMON out:"
            + " sysctl kernel.perf_event_paranoid=2"
        }
      }
      if hook == .cgroup {
        return "The capabilities are there: a program that others attached at this cgroup, or at one above it, without"
          + " leave to have company (BPF_F_ALLOW_MULTI) keeps others out; bpftool cgroup tree shows it."
      }
      return "The capabilities are there, so a security module or lockdown forbids it."
    case .noSuchDevice where hook == .xdp || hook == .classifier || hook == .netkit:
      return "The interface has just gone."
    case .notSupported, .invalidArgument:
      switch hook {
      case .xdp:
        return "The driver or its present settings (a large MTU, offloads) do not allow it; --via xdp-generic works on"
          + " every interface."
      case .kprobe:
        return "The kernel keeps some functions free of probes: those that available_filter_functions in"
          + " /sys/kernel/tracing does not list (notrace), and those in /sys/kernel/debug/kprobes/blacklist."
      default: return "This kernel, \(machine.release), may be too old for it, or built without it."
      }
    case .noSuchProcess where hook == .uprobe:
      return "There is no such process, or it has just ended."
    // The kernel's answer to parameters that it does not know.
    case .argumentListTooLong where hook == .iterator:
      return "This kernel, \(machine.release), does not know the iterator's parameters, or not all of them."
    case .noSuchFile where hook == .tracing || hook == .lsm:
      return "Before Linux 5.13 a program of this kind can be attached once: load it again."
    case .noSuchFile, .noSuchDevice:
      return "This kernel, \(machine.release), has no such place, or was built without the hook."
    default: return nil
    }
  }

  static func occupied(_ hook: Hook, target: String) -> String? {
    switch hook {
    case .xdp:
      "An interface takes one XDP program at a time: end the other, or remove it with "
        + "'ip link set dev \(target) xdp off' (a bpf_link ends with its process or its pin)."
    case .classifier, .netkit, .cgroup:
      "A program is attached there at most once, and a filter's priority and handle are taken once."
    case .networkNamespace:
      "A network namespace takes one flow dissector, and none while the first namespace has one."
    case .sockmap: "A map takes one program of each kind at a time."
    case .netfilter: "Each BPF program at a hook of netfilter needs a priority of its own."
    default: nil
    }
  }
}
