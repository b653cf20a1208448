import LinuxCalls

/// A setting of the running system that decides what programs may do.
public struct SystemSetting: Hashable, Sendable {
  public let path: String
  /// `nil` where it cannot be read, or the kernel has no such.
  public let value: String?
  /// What the value means.
  public let meaning: String

  static func all() -> [SystemSetting] {
    let rows: [(path: String, meaning: (String) -> String)] = [
      (
        "/proc/sys/kernel/unprivileged_bpf_disabled",
        { $0 == "0" ? "everybody may load socket filters" : "bpf(2) takes CAP_BPF or CAP_SYS_ADMIN" }
      ),
      ("/proc/sys/net/core/bpf_jit_enable", { $0 == "0" ? "programs are interpreted" : "programs are compiled" }),
      (
        "/proc/sys/net/core/bpf_jit_harden",
        { $0 == "0" ? "constants stand in the code" : "constants are blinded, which costs time" }
      ),
      (
        "/proc/sys/kernel/kptr_restrict",
        { $0 == "0" ? "addresses in /proc/kallsyms with CAP_SYSLOG" : "addresses in /proc/kallsyms are hidden" }
      ),
      (
        "/proc/sys/kernel/perf_event_paranoid",
        { (Int($0) ?? 0) > 2 ? "perf events for CAP_SYS_ADMIN only" : "perf events of the kernel take CAP_PERFMON" }
      ),
      (
        "/sys/kernel/security/lockdown",
        { $0.contains("[none]") ? "no lockdown" : "the kernel is locked down: some helpers and probes are forbidden" }
      ),
      (
        "/sys/kernel/security/lsm",
        { $0.split(separator: ",").contains("bpf") ? "lsm programs run" : "lsm programs load, but never run" }
      ),
    ]
    return rows.map { row in
      let value = line(ofFile: row.path)
      return SystemSetting(
        path: row.path, value: value, meaning: value.map(row.meaning) ?? "cannot be read, or is not there")
    }
  }
}
