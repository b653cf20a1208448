internal import CLinux

/// A capability of capabilities(7) that bpf(2) and attaching ask for.
public enum Capability: Int, CaseIterable, Sendable {
  case netAdmin = 12
  case sysAdmin = 21
  case sysResource = 24
  /// Since 5.8.
  case perfmon = 38
  case bpf = 39

  /// The name in capabilities(7).
  public var name: String {
    switch self {
    case .netAdmin: "CAP_NET_ADMIN"
    case .sysAdmin: "CAP_SYS_ADMIN"
    case .sysResource: "CAP_SYS_RESOURCE"
    case .perfmon: "CAP_PERFMON"
    case .bpf: "CAP_BPF"
    }
  }

  /// Which of them this thread has in effect.
  package static func effective() -> Set<Capability> {
    let word = linux_effective_capabilities()
    return Set(allCases.filter { word >> UInt64($0.rawValue) & 1 == 1 })
  }
}

/// Lifts the limit on locked memory, which maps and programs count against before Linux 5.11. Takes CAP_SYS_RESOURCE.
package func raiseMemoryLockLimit() throws(SystemCallError) {
  _ = try checked("setrlimit(RLIMIT_MEMLOCK)", linux_raise_memlock())
}

/// How many CPUs the kernel may ever have, which is how many values a per-CPU map has (/sys/devices/system/cpu/possible).
package func possibleCPUCount() throws(SystemCallError) -> Int { try processors("possible").count }

/// The CPUs that run now, by their numbers.
package func onlineCPUs() throws(SystemCallError) -> [Int32] { try processors("online") }

private func processors(_ list: String) throws(SystemCallError) -> [Int32] {
  let text = String(decoding: try contents(ofFile: "/sys/devices/system/cpu/\(list)"), as: UTF8.self)
  // Ranges and single numbers with commas between, such as `0-3,8`.
  return text.split { $0 == "," || $0 == "\n" }.flatMap { range -> [Int32] in
    let bounds = range.split(separator: "-").compactMap { Int32($0) }
    guard let first = bounds.first, let last = bounds.last, first <= last, last < 1 << 16 else { return [] }
    return Array(first...last)
  }
}

/// The release of this machine's kernel, such as `6.1.0-21-amd64`.
package func kernelRelease() -> String {
  line(ofFile: "/proc/sys/kernel/osrelease") ?? "unknown"
}

/// What the processor is called, where the kernel tells it (x86).
package func processorName() -> String? {
  let text = String(decoding: (try? contents(ofFile: "/proc/cpuinfo")) ?? [], as: UTF8.self)
  guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix("model name") }),
    let colon = line.firstIndex(of: ":")
  else { return nil }
  return String(line[line.index(after: colon)...].drop { $0 == " " })
}

/// The version of this machine's kernel, as uname -v says it: when and by whom it was built.
package func kernelVersion() -> String {
  line(ofFile: "/proc/sys/kernel/version") ?? ""
}
