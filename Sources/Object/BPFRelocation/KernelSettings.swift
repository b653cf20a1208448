import BPFObjectFile
public import BPFTypes
import ByteReading

/// The settings that an object wants, looked up in a kernel's configuration and put into the bytes of its `.kconfig`
/// variables.
struct KernelSettings {
  /// What the one value of the map `.kconfig` begins as.
  private(set) var contents: [UInt8] = []
  /// Where each setting lies in it, by the index among the externs.
  private(set) var offsets: [Int: Int] = [:]
  private(set) var warnings: [PlanWarning] = []

  init(_ externs: [ExternSpec], kernel: TargetKernel) throws(ExternError) {
    var wanted: [String: (index: Int, setting: KernelSetting)] = [:]
    for (index, extern) in externs.enumerated() {
      guard case .setting(let setting) = extern.kind else { continue }
      let offset = (contents.count + setting.alignment - 1) / setting.alignment * setting.alignment
      offsets[index] = offset
      contents += [UInt8](repeating: 0, count: offset + setting.size - contents.count)
      wanted[extern.name] = (index, setting)
    }
    guard !wanted.isEmpty else { return }

    var found: Set<String> = []
    // What no configuration has.
    let known: [String: UInt64] = [
      "LINUX_KERNEL_VERSION": UInt64(kernel.versionCode), "LINUX_HAS_BPF_COOKIE": kernel.features.attachCookie ? 1 : 0,
      "LINUX_HAS_SYSCALL_WRAPPER": kernel.features.syscallWrapper ? 1 : 0,
    ]
    for (name, value) in known {
      guard let (index, setting) = wanted[name] else { continue }
      try store(value, as: setting, at: index, name: name)
      found.insert(name)
    }
    try kernel.configuration.forEachLine { (line) throws(ExternError) in
      guard line.starts(with: Self.prefix), let equals = line.firstIndex(of: UInt8(ascii: "=")) else { return }
      let name = String(decoding: line[..<equals], as: UTF8.self)
      guard let (index, setting) = wanted[name], found.insert(name).inserted else { return }
      let value = String(decoding: line[(equals + 1)...], as: UTF8.self)
      try store(value, as: setting, at: index, name: name)
    }
    for extern in externs where wanted[extern.name] != nil && !found.contains(extern.name) && !extern.isWeak {
      throw ExternError(name: extern.name, reason: .noSuchSetting)
    }
  }

  private static let prefix = Array("CONFIG_".utf8)

  private mutating func store(_ text: String, as setting: KernelSetting, at index: Int, name: String)
    throws(ExternError)
  {
    let bad = ExternError(name: name, reason: .badSetting(value: text))
    switch text.first {
    case "y", "n", "m":
      let number: UInt64
      switch (setting.form, text.first) {
      case (.bool, "m"): throw bad
      case (.bool, let first): number = first == "y" ? 1 : 0
      case (.tristate, let first): number = first == "y" ? 1 : first == "m" ? 2 : 0
      case (.character, let first): number = UInt64(first?.asciiValue ?? 0)
      default: throw bad
      }
      write(number, setting.size, at: index)
    case "\"":
      guard setting.form == .string, text.utf8.count >= 2, text.last == "\"" else { throw bad }
      // Cut to what there is room for, with the NUL.
      let bytes = Array(text.utf8.dropFirst().dropLast().prefix(setting.size - 1))
      guard let offset = offsets[index] else { return }
      if text.utf8.count - 2 > bytes.count {
        warnings.append(.settingCut(name: name, value: text, byteCount: setting.size))
      }
      contents.replaceSubrange(offset..<offset + bytes.count, with: bytes)
    default:
      guard let number = Self.number(text) else { throw bad }
      try store(number, as: setting, at: index, name: name)
    }
  }

  private mutating func store(
    _ number: UInt64, as setting: KernelSetting, at index: Int, name: String
  ) throws(ExternError) {
    let bits = UInt64(8 * setting.size)
    let fits: Bool
    switch setting.form {
    case .bool: fits = number <= 1
    case .character: fits = number < 256
    case .integer(isSigned: true):
      fits = bits == 64 || number &+ (1 << (bits - 1)) < 1 << bits
    case .integer(isSigned: false): fits = bits == 64 || number < 1 << bits
    case .tristate, .string: fits = false
    }
    guard fits else { throw ExternError(name: name, reason: .badSetting(value: "\(number)")) }
    write(number, setting.size, at: index)
  }

  private mutating func write(_ number: UInt64, _ size: Int, at index: Int) {
    guard let offset = offsets[index] else { return }
    contents.store(number, count: min(size, 8), at: offset)
  }

  /// As strtoull(3) reads it: decimal, hexadecimal with 0x, octal with 0, also negative.
  private static func number(_ text: String) -> UInt64? {
    var digits = text[...].drop { $0 == " " }
    while digits.last?.isWhitespace ?? false { digits.removeLast() }
    let isNegative = digits.first == "-"
    if isNegative || digits.first == "+" { digits.removeFirst() }
    let value: UInt64?
    if digits.hasPrefix("0x") || digits.hasPrefix("0X") {
      value = UInt64(digits.dropFirst(2), radix: 16)
    } else if digits.hasPrefix("0"), digits.count > 1 {
      value = UInt64(digits.dropFirst(), radix: 8)
    } else {
      value = UInt64(digits, radix: 10)
    }
    return value.map { isNegative ? 0 &- $0 : $0 }
  }
}

/// An extern that the kernel does not have, or has otherwise.
public struct ExternError: Error, Hashable, Sendable {
  public enum Reason: Hashable, Sendable {
    case noSuchSetting
    case badSetting(value: String)
    case noSuchSymbol
    case ambiguousAddress(UInt64, UInt64)
    case hiddenAddress
    case noKernelTypes
    case kernelTypes(BTFError)
    case noSuchVariable
    case noSuchFunction
    case otherType
  }
  public let name: String
  public let reason: Reason
}

extension ExternError: CustomStringConvertible {
  public var description: String {
    let why =
      switch reason {
      case .noSuchSetting: "the kernel's configuration has no such setting, and it is not declared __weak"
      case .badSetting(let value):
        "the kernel's configuration has \(value), which the object's declaration does not take"
      case .noSuchSymbol: "/proc/kallsyms has no such symbol, and it is not declared __weak"
      case .ambiguousAddress(let one, let two):
        "/proc/kallsyms has it at 0x\(String(one, radix: 16)) and at 0x\(String(two, radix: 16))"
      case .hiddenAddress:
        "/proc/kallsyms hides its address from this process (CAP_SYSLOG, and /proc/sys/kernel/kptr_restrict below 2, show it)"
      case .noKernelTypes: "the kernel has no BTF, in which it would be looked up"
      case .kernelTypes(let error): "the kernel's BTF \(error)"
      case .noSuchVariable: "the kernel's BTF has no such variable, and it is not declared __weak"
      case .noSuchFunction: "the kernel's BTF has no such function, and it is not declared __weak"
      case .otherType: "the kernel's BTF has it with an incompatible type"
      }
    return "extern \(name): \(why)"
  }
}
