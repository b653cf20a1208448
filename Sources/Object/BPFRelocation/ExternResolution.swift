import BPFObjectFile
import BPFTypes
import ByteReading

/// What the kernel has for each extern of an object.
struct ExternResolution {
  enum Found: Hashable {
    /// In bytes, in the value of the map `.kconfig`.
    case setting(offset: Int)
    case address(UInt64)
    /// A variable's or function's number in the kernel's BTF, or in that of a module.
    case type(BTF.TypeID, module: String?)
    /// Weak and not there.
    case missing
  }

  /// By the index among the externs.
  private(set) var found: [Found] = []
  /// The same order.
  let names: [String]
  let settings: KernelSettings
  /// Modules whose functions are called, in the order in which their descriptors are handed to BPF_PROG_LOAD, from 1 on.
  private(set) var functionModules: [String] = []

  init(_ object: ObjectSpec, kernel: TargetKernel, lookup: TypeLookup) throws(ExternError) {
    names = object.externs.map(\.name)
    settings = try KernelSettings(object.externs, kernel: kernel)
    let addresses = try Self.addresses(object.externs, kernel: kernel)
    for (index, extern) in object.externs.enumerated() {
      switch extern.kind {
      case .setting: found.append(.setting(offset: settings.offsets[index] ?? 0))
      case .address: found.append(addresses[extern.name].map { .address($0) } ?? .missing)
      case .variable(let type):
        found.append(
          try Self.type(of: extern, declared: type, kind: .variable, object: object, kernel: kernel, lookup: lookup))
      case .function(let prototype):
        let one = try Self.type(
          of: extern, declared: prototype, kind: .function, object: object, kernel: kernel, lookup: lookup)
        if case .type(_, let module?) = one, !functionModules.contains(module) { functionModules.append(module) }
        found.append(one)
      }
    }
  }

  /// Where the module's descriptor will stand among those that BPF_PROG_LOAD gets; 0 for the kernel itself.
  func descriptorIndex(of module: String?) -> Int {
    module.flatMap { functionModules.firstIndex(of: $0) }.map { $0 + 1 } ?? 0
  }

  /// Reads /proc/kallsyms, where anything in it is wanted.
  private static func addresses(_ externs: [ExternSpec], kernel: TargetKernel) throws(ExternError) -> [String: UInt64] {
    let wanted = Set(externs.filter { $0.kind == .address }.map(\.name))
    guard !wanted.isEmpty else { return [:] }
    var addresses: [String: UInt64] = [:]
    var isShown = false
    try kernel.symbols.forEachLine { (line) throws(ExternError) in
      // All addresses are 0 to those who may not see them; some, of per-CPU variables, are 0 in truth.
      isShown = isShown || line.first != UInt8(ascii: "0")
      let words = line.split(separator: UInt8(ascii: " "), maxSplits: 2)
      guard words.count == 3 else { return }
      let name = String(decoding: words[2].prefix { $0 != UInt8(ascii: "\t") }, as: UTF8.self)
      guard wanted.contains(name), let address = UInt64(String(decoding: words[0], as: UTF8.self), radix: 16)
      else { return }
      if let other = addresses[name], other != address {
        throw ExternError(name: name, reason: .ambiguousAddress(other, address))
      }
      addresses[name] = address
    }
    for extern in externs where extern.kind == .address {
      if addresses[extern.name] == nil, !extern.isWeak { throw ExternError(name: extern.name, reason: .noSuchSymbol) }
      if addresses[extern.name] == 0, !isShown { throw ExternError(name: extern.name, reason: .hiddenAddress) }
    }
    return addresses
  }

  private static func type(
    of extern: ExternSpec, declared: BTF.TypeID, kind: BTF.Kind, object: ObjectSpec, kernel: TargetKernel,
    lookup: TypeLookup
  ) throws(ExternError) -> Found {
    guard let objectTypes = object.btf, kernel.btf != nil else {
      throw ExternError(name: extern.name, reason: .noKernelTypes)
    }
    let found: (type: BTF.TypeID, source: TypeLookup.Source)?
    do { found = try lookup.first(extern.name.withoutFlavour, kind: kind) } catch {
      throw ExternError(name: extern.name, reason: .kernelTypes(error))
    }
    guard let (id, source) = found else {
      guard extern.isWeak else {
        throw ExternError(name: extern.name, reason: kind == .variable ? .noSuchVariable : .noSuchFunction)
      }
      return .missing
    }
    var limit = BTFStepLimit(100_000)
    let types = CORETypes(localTypes: objectTypes, targetTypes: source.btf)
    let isCompatible = try? { () throws(BTFError) in
      let referent = try source.btf.record(id).referent
      return try types.areCompatible(
        declared, kind == .variable ? source.btf.resolvedID(referent) : referent, &limit)
    }()
    guard isCompatible ?? false else {
      if kind == .function && extern.isWeak { return .missing }
      throw ExternError(name: extern.name, reason: .otherType)
    }
    return .type(id, module: source.module)
  }
}
