public import BPFTypes

/// What a plan has to know of the kernel that it is for; all of it can come from files.
public struct TargetKernel: Sendable {
  public struct Module: Sendable {
    public let name: String
    /// Continues the kernel's.
    public let btf: BTF

    public init(name: String, btf: BTF) {
      self.name = name
      self.btf = btf
    }
  }

  /// The kernel's types, as in /sys/kernel/btf/vmlinux; `nil` for a kernel without.
  public var btf: BTF?
  /// The modules' types, in the order in which they are searched.
  public var modules: [Module] = []
  /// The text of the configuration, `CONFIG_NAME=value` a line.
  public var configuration: [UInt8] = []
  /// The text of /proc/kallsyms: address, type, name a line.
  public var symbols: [UInt8] = []
  /// As in `uname -r` and `uname -v`.
  public var release = ""
  public var version = ""
  /// How many CPUs there can be.
  public var cpuCount = 1

  public init() {}

  /// `LINUX_VERSION_CODE`. Debian's releases name an older version than the one that was built, which stands in the
  /// version's text ("Debian 5.10.223-1").
  public var versionCode: UInt32 {
    let text: Substring
    if let debian = version.firstRange(of: "Debian ") {
      text = version[debian.upperBound...]
    } else {
      text = release[...]
    }
    var numbers = text.split(separator: ".", maxSplits: 2).map { part in UInt32(part.prefix { $0.isNumber }) ?? 0 }
    while numbers.count < 3 { numbers.append(0) }
    return min(numbers[0], 255) << 16 | min(numbers[1], 255) << 8 | min(numbers[2], 255)
  }
}
