import ByteReading
import LinuxCalls

/// The functions of the kernel and its modules, as one of its files lists them. Each has tens of thousands of lines, so
/// that they are read only where something is looked for.
struct KernelFunctionList: Sendable {
  enum Form: Sendable {
    /// /proc/kallsyms: `ffffffff81000000 T name\t[module]`. Addresses are 0 for whom kptr_restrict keeps from them.
    case symbols
    /// available_filter_functions in tracefs: `name [module]`. What can be traced; the same name may come twice.
    case traceable
    /// available_filter_functions_addrs (6.5): `ffffffff81000000 name [module]`.
    case traceableWithAddresses
  }

  let form: Form
  private let text: SearchedText

  init(_ text: [UInt8], _ form: Form) { (self.text, self.form) = (SearchedText(text), form) }

  /// `nil` where it cannot be read, or is empty.
  static func symbols() -> KernelFunctionList? {
    let text = (try? contents(ofFile: "/proc/kallsyms")) ?? []
    return text.isEmpty ? nil : KernelFunctionList(text, .symbols)
  }

  static func traceable(addresses: Bool) -> KernelFunctionList? {
    guard let tracefs = Tracefs.found else { return nil }
    let text = (try? contents(ofFile: tracefs.root + "/available_filter_functions" + (addresses ? "_addrs" : ""))) ?? []
    return text.isEmpty ? nil : KernelFunctionList(text, addresses ? .traceableWithAddresses : .traceable)
  }

  struct Function: Hashable, Sendable {
    let name: String
    let module: String?
    /// 0 where it is not told.
    let address: UInt64
  }

  /// The functions whose names are wanted, in the order of the list.
  /// - Parameter part: what all of them contain; where it is rare, the list is soon searched.
  func functions(
    containing part: String = "", where isWanted: (ArraySlice<UInt8>) -> Bool = { _ in true }
  ) -> [Function] {
    var found: [Function] = []
    text.forEachLine(containing: part) { line in
      var fields = line[...]
      func field() -> ArraySlice<UInt8> {
        let field = fields.prefix { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\t") }
        fields = fields[field.endIndex...].dropFirst()
        return field
      }
      let address = form == .traceable ? [] : field()
      if form == .symbols {
        // Text, also where it is weak; the rest are variables.
        guard let type = field().first, [0x74, 0x54, 0x77, 0x57].contains(type) else { return }
      }
      let name = field()
      guard !name.isEmpty, isWanted(name) else { return }
      let module = fields.isEmpty ? nil : String(decoding: fields.dropFirst().dropLast(), as: UTF8.self)
      found.append(
        Function(
          name: String(decoding: name, as: UTF8.self), module: module,
          address: UInt64(String(decoding: address, as: UTF8.self), radix: 16) ?? 0))
    }
    return found
  }

  /// All addresses of a list that has them, in its order.
  var addresses: [UInt64] {
    var found: [UInt64] = []
    text.forEachLine(containing: "") { line in
      if let address = UInt64(String(decoding: line.prefix(16), as: UTF8.self), radix: 16) { found.append(address) }
    }
    return found
  }

  func functions(named name: String, module: String?) -> [Function] {
    let wanted = Array(name.utf8)
    return functions(containing: name) { $0.count == wanted.count && $0.elementsEqual(wanted) }
      .filter { module == nil || $0.module == module }
  }

  /// The names that may have been meant: first what a compiler made of the function (`name.isra.0`), then what begins or
  /// ends alike and differs by little.
  func names(near name: String) -> [String] {
    let (start, end) = (String(name.prefix(4)), String(name.suffix(4)))
    let alike =
      functions(containing: " " + start).map(\.name).filter { $0.hasPrefix(start) }
      + functions(containing: end + "\n").map(\.name)
    let variants = alike.filter { $0.hasPrefix(name + ".") }
    return variants.isEmpty ? NearNames.of(name, in: Array(Set(alike)).sorted()) : Array(variants.prefix(3))
  }
}

/// The functions that the kernel keeps kprobes off, since its own handling of them passes there.
enum KprobeBlacklist {
  static let path = "/sys/kernel/debug/kprobes/blacklist"

  /// `nil` where the list cannot be read, for which debugfs has to be mounted.
  static func contains(_ name: String) -> Bool? {
    guard let text = try? contents(ofFile: path) else { return nil }
    // `0xffffffff81000000-0xffffffff81000010\tname`
    return String(decoding: text, as: UTF8.self).split(separator: "\n").contains {
      $0.split(separator: "\t").last == name[...]
    }
  }
}

extension KernelFunctionList {
  /// In the order of the list; a name comes as often as it stands there.
  func names(matching glob: Glob) -> [String] {
    functions(containing: glob.literal, where: glob.matches).map(\.name)
      // Some kernels list places whose functions the linker has dropped, under names that they make up.
      .filter { !$0.hasPrefix("__ftrace_invalid_address__") }
  }

  /// The functions that can be traced and whose name a glob matches, each once.
  static func names(matching pattern: String) -> [String] {
    let glob = Glob(pattern)
    let list = traceable(addresses: false) ?? symbols()
    return Set(list?.names(matching: glob) ?? []).sorted()
  }
}
