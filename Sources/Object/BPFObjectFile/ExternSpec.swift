public import BPFTypes
internal import CLibelf

/// Something that the object uses and the kernel has: `__kconfig` and `__ksym` declarations.
public struct ExternSpec: Hashable, Sendable {
  public enum Kind: Hashable, Sendable {
    /// A setting of the kernel's configuration, as a variable of the map `.kconfig`.
    case setting(KernelSetting)
    /// The address of something in /proc/kallsyms: an extern of type `void`.
    case address
    /// A variable of the kernel; the type is the object's declaration of it, without qualifiers.
    case variable(BTF.TypeID)
    /// A function of the kernel (kfunc); the type is the object's prototype.
    case function(BTF.TypeID)
  }

  public let name: String
  public let kind: Kind
  /// Whether the object goes on without it.
  public let isWeak: Bool
  /// The variable or function in the object's BTF.
  public let declaration: BTF.TypeID
}

/// The form in which a setting of the kernel's configuration is wanted.
public struct KernelSetting: Hashable, Sendable {
  public enum Form: Hashable, Sendable {
    case bool, tristate, character
    case integer(isSigned: Bool)
    case string
  }
  public let form: Form
  /// In bytes.
  public let size: Int
  public let alignment: Int
}

extension ExternSpec {
  static let configurationSection = ".kconfig"
  static let symbolSection = ".ksyms"

  /// The undefined symbols of an object, as libbpf orders them: settings by falling alignment, size and name, then the
  /// others by name. Places in `.kconfig` and the marks of unresolved weak functions follow this order.
  static func all(in elf: ELFFile, btf: BTF?) throws(ObjectFileError) -> [ExternSpec] {
    let symbols = elf.symbols.filter {
      $0.section == SHN_UNDEF && !$0.name.isEmpty && $0.type == STT_NOTYPE && ($0.binding == 1 || $0.binding == 2)
    }
    guard !symbols.isEmpty else { return [] }
    guard let btf else { throw ObjectFileError(.missingBTF(neededFor: "the extern \(symbols[0].name)")) }
    let declarations = try inBTF { () throws(BTFError) in try Declarations(btf) }
    var externs: [ExternSpec] = []
    for symbol in symbols {
      let place = ObjectFileError.Place(section: ".symtab", record: symbol.index, offset: symbol.index * 24)
      guard let (record, section) = declarations.byName[symbol.name] else {
        throw ObjectFileError(.badExtern(name: symbol.name, "it has no declaration in the object's BTF"), at: place)
      }
      let kind: Kind
      do { kind = try Kind(record, section: section, name: symbol.name, btf: btf) } catch {
        throw error.located(at: place)
      }
      externs.append(
        ExternSpec(name: symbol.name, kind: kind, isWeak: symbol.binding == STB_WEAK, declaration: record.id))
    }
    return externs.sorted { $0.precedes($1) }
  }

  private func precedes(_ other: ExternSpec) -> Bool {
    switch (kind, other.kind) {
    case (.setting(let one), .setting(let two)):
      if one.alignment != two.alignment { return one.alignment > two.alignment }
      if one.size != two.size { return one.size < two.size }
      return name < other.name
    case (.setting, _): return true
    case (_, .setting): return false
    default: return name < other.name
    }
  }
}

/// The extern variables and functions of an object's BTF, and the section each is in.
private struct Declarations {
  var byName: [String: (record: BTF.Record, section: String)] = [:]

  init(_ btf: BTF) throws(BTFError) {
    for (sectionName, section) in try btf.dataSections() {
      for variable in try btf.variables(of: section) {
        let record = try btf.record(variable.type)
        let isExtern =
          switch record.kind {
          case .variable: try btf.linkage(of: record) == BTF.Linkage.extern
          case .function: record.itemCount == Int(BTF.Linkage.extern)
          default: false
          }
        if isExtern { byName[try btf.name(of: record)] = (record, sectionName) }
      }
    }
  }
}

extension ExternSpec.Kind {
  fileprivate init(_ record: BTF.Record, section: String, name: String, btf: BTF) throws(ObjectFileError) {
    switch section {
    case ExternSpec.configurationSection:
      guard record.kind == .variable, let setting = try inBTF({ () throws(BTFError) in try KernelSetting(record, btf) })
      else {
        throw ObjectFileError(
          .badExtern(
            name: name, "a setting is a bool, an enum libbpf_tristate, an integer or an array of char of up to 64 KiB"))
      }
      self = .setting(setting)
    case ExternSpec.symbolSection where record.kind == .function:
      self = .function(record.referent)
    case ExternSpec.symbolSection:
      let type = try inBTF { () throws(BTFError) in try btf.resolvedID(record.referent) }
      self = type == .void ? .address : .variable(type)
    default:
      throw ObjectFileError(.badExtern(name: name, "it is in section \(section), neither .kconfig nor .ksyms"))
    }
  }
}

extension KernelSetting {
  /// The kernel's own texts have at most 2048 bytes.
  private static let byteCountLimit = 1 << 16

  fileprivate init?(_ variable: BTF.Record, _ btf: BTF) throws(BTFError) {
    guard let form = try Form(variable.referent, btf), case let size = try btf.size(of: variable.referent),
      (1...Self.byteCountLimit).contains(size)
    else { return nil }
    self.form = form
    self.size = size
    alignment = try btf.alignment(of: variable.referent)
  }
}

extension KernelSetting.Form {
  fileprivate init?(_ type: BTF.TypeID, _ btf: BTF) throws(BTFError) {
    guard try btf.resolvedID(type) != .void else { return nil }
    let record = try btf.resolve(type)
    switch record.kind {
    case .integer:
      let encoding = try btf.encoding(of: record)
      if encoding.isBool {
        guard record.size == 1 else { return nil }
        self = .bool
      } else if record.size == 1 {
        self = .character
      } else {
        guard [2, 4, 8].contains(record.size) else { return nil }
        self = .integer(isSigned: encoding.isSigned)
      }
    case .enumeration where record.size == 4, .enumeration64 where record.size == 8:
      guard try btf.name(of: record) == "libbpf_tristate" else { return nil }
      self = .tristate
    case .array:
      let array = try btf.array(record)
      guard array.count > 0, try KernelSetting.Form(array.element, btf) == .character else { return nil }
      self = .string
    default: return nil
    }
  }
}
