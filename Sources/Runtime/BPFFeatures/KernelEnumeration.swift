import BPFLoader
import BPFObjectFile
import BPFRelocation
import BPFTypes

/// An enumeration of the kernel's interface, as the kernel's own types have it: newer kernels know more than any list here.
struct KernelEnumeration {
  /// In the order of the numbers, without the prefix and in lower case.
  let items: [(number: UInt32, name: String)]

  /// - Parameters:
  ///   - prefix: of all its names, `BPF_PROG_TYPE_`.
  ///   - btf: the kernel's; `nil` where it has none.
  ///   - fallback: what counts where the kernel's types do not tell.
  init(_ name: String, prefix: String, in btf: BTF?, fallback: [Substring]) {
    let found = btf.flatMap { Self.enumerators(of: name, in: $0) } ?? []
    var items: [UInt32: String] = [:]
    for (name, number) in found where name.hasPrefix(prefix) {
      // `__MAX_BPF_PROG_TYPE` has another prefix; older names of the same number come later.
      if items[number] == nil { items[number] = name.dropFirst(prefix.count).lowercased() }
    }
    if items.isEmpty {
      for (number, name) in fallback.enumerated() { items[UInt32(number)] = String(name) }
    }
    self.items = items.sorted { $0.key < $1.key }.map { number, name in
      (number, name.hasSuffix("_deprecated") ? String(name.dropLast("_deprecated".count)) : name)
    }
  }

  private static func enumerators(of name: String, in btf: BTF) -> [(String, UInt32)]? {
    guard let id = try? btf.types(named: name, kinds: [.enumeration]).first, let record = try? btf.record(id) else {
      return nil
    }
    return try? btf.enumerators(of: record).compactMap { (enumerator) throws(BTFError) in
      UInt32(exactly: enumerator.value).map { (enumerator.name, $0) }
    }
  }
}

/// The names of the kernel's numbers.
package struct KernelNames: Sendable {
  private let programTypes, mapTypes, linkTypes, attachTypes: [UInt32: String]

  package static var ofRunningKernel: KernelNames { KernelNames((try? TargetKernel.types()).flatMap { $0 }) }

  init(_ btf: BTF?) {
    func names(_ name: String, _ prefix: String, _ fallback: [Substring]) -> [UInt32: String] {
      let items = KernelEnumeration(name, prefix: prefix, in: btf, fallback: fallback).items
      return Dictionary(items.map { ($0.number, $0.name) }, uniquingKeysWith: { first, _ in first })
    }
    programTypes = names("bpf_prog_type", "BPF_PROG_TYPE_", KnownTypeNames.programTypes)
    mapTypes = names("bpf_map_type", "BPF_MAP_TYPE_", KnownTypeNames.mapTypes)
    linkTypes = names("bpf_link_type", "BPF_LINK_TYPE_", KnownTypeNames.linkTypes)
    attachTypes = names("bpf_attach_type", "BPF_", [])
  }

  package func programType(_ number: UInt32) -> String { programTypes[number] ?? "\(number)" }
  package func mapType(_ number: UInt32) -> String { mapTypes[number] ?? "\(number)" }
  package func linkType(_ number: UInt32) -> String { linkTypes[number] ?? "\(number)" }
  package func attachType(_ number: UInt32) -> String { attachTypes[number] ?? "\(number)" }
}

extension BTF {
  /// Whether the kernel, or the module, was built with a function.
  func hasFunction(_ name: String) -> Bool { !((try? types(named: name, kinds: [.function])) ?? []).isEmpty }
}
