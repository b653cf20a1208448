public import BPFTypes

/// What not every kernel since 5.10 can do, and an object is made to fit.
public struct KernelFeatures: Hashable, Sendable {
  /// What it understands of the object's types.
  public var btf = BTFFeatures.all
  /// `bpf_get_attach_cookie` (5.15), told to objects as LINUX_HAS_BPF_COOKIE.
  public var attachCookie = true
  /// Whether system calls get their arguments in a `struct pt_regs`, told as LINUX_HAS_SYSCALL_WRAPPER (x86-64: 4.17).
  public var syscallWrapper = true
  /// One link for many user-space probes (6.6), by which `usdt` programs are then attached.
  public var uprobeMulti = true

  public static let all = KernelFeatures()
}

/// What a plan has to know of the kernel that it is for; all of it can come from files.
public struct TargetKernel: Sendable {
  /// The kernel's types, as in /sys/kernel/btf/vmlinux; `nil` for a kernel without.
  public var btf: BTF?
  /// Its modules, in the order in which they are searched. There can be a hundred: nobody asks for them before something is
  /// looked for that the kernel itself does not have.
  public var modules: @Sendable () -> [KernelModule] = { [] }
  /// The text of the configuration, `CONFIG_NAME=value` a line.
  public var configuration: [UInt8] = []
  /// The text of /proc/kallsyms: address, type, name a line.
  public var symbols: [UInt8] = []
  /// As in `uname -r` and `uname -v`; for Ubuntu, the version as in /proc/version_signature.
  public var release = ""
  public var version = ""
  /// How many CPUs there can be.
  public var cpuCount = 1
  /// What it can do, as far as a plan depends on it.
  public var features = KernelFeatures.all

  public init() {}

  /// `LINUX_VERSION_CODE`. The releases of Debian and Ubuntu name an older version than the one that was built, which
  /// stands in the version's text ("Debian 5.10.223-1", "Ubuntu 5.15.0-91.101-generic 5.15.131").
  public var versionCode: UInt32 {
    let text: Substring
    let words = version.split(separator: " ")
    if words.count >= 3, words[0] == "Ubuntu" {
      text = words[2]
    } else if let debian = version.firstRange(of: "Debian ") {
      text = version[debian.upperBound...]
    } else {
      text = release[...]
    }
    var numbers = text.split(separator: ".", maxSplits: 2).map { part in UInt32(part.prefix { $0.isNumber }) ?? 0 }
    while numbers.count < 3 { numbers.append(0) }
    return min(numbers[0], 255) << 16 | min(numbers[1], 255) << 8 | min(numbers[2], 255)
  }
}
