import BPFLoader
import BPFObjectFile
import BPFRelocation
import BPFTypes
public import LinuxCalls
import RouteNetlink

/// What the running kernel can do with the privileges of this process. Found out by asking the kernel's own types where
/// they tell, else by trying: what is tried is gone again at once.
public struct FeatureReport: Sendable {
  public let release: String
  /// What of the capabilities that trying takes this process does not have.
  public let missing: [Capability]
  public let groups: [FeatureGroup]
  public let settings: [SystemSetting]

  /// - Parameters:
  ///   - helpers: for which types of programs the helpers are tried; each takes some hundred loads.
  ///   - kfuncs: which of the kernel's functions to look for.
  public init(helpersFor helpers: [String] = [], kfuncs: [String] = []) {
    let effective = Capability.effective()
    missing = [.bpf, .perfmon, .netAdmin].filter { !effective.contains($0) && !effective.contains(.sysAdmin) }
    release = kernelRelease()
    let btf = (try? TargetKernel.types()).flatMap { $0 }
    let modules = ModuleCache(btf)
    let version = TargetKernel.running.versionCode

    let types = KernelEnumeration(
      "bpf_prog_type", prefix: "BPF_PROG_TYPE_", in: btf, fallback: KnownTypeNames.programTypes
    ).items.filter { $0.number > 0 }
    let probes = types.map { [missing] in
      ($0.name, ProgramProbe(type: ProgramType(rawValue: $0.number), version: version, missing: missing))
    }
    let builtIn = BuiltInFeatures(btf: btf)
    var groups = [
      builtIn.completed(
        FeatureGroup("program types", probes.map { Feature($0, number: $1.type.rawValue, $1.answer) }),
        BuiltInFeatures.programTypes)
    ]
    let attachTypes = Set(
      KernelEnumeration("bpf_attach_type", prefix: "BPF_", in: btf, fallback: []).items.map(\.number))
    groups.append(
      FeatureGroup(
        "tracing programs",
        ProgramProbe.tracing.map { [missing] name, type, attachType in
          let probe = ProgramProbe(type: type, attachType: attachType, version: version, missing: missing)
          // Programs for a hook that the kernel does not know would be refused in the same words.
          guard attachTypes.isEmpty || attachTypes.contains(attachType.rawValue) else {
            return Feature(name, number: attachType.rawValue, .no("the kernel's types have no such attach type"))
          }
          return Feature(name, number: attachType.rawValue, probe.answer)
        }))
    let maps = KernelEnumeration("bpf_map_type", prefix: "BPF_MAP_TYPE_", in: btf, fallback: KnownTypeNames.mapTypes)
      .items
    groups.append(
      builtIn.completed(
        FeatureGroup(
          "map types",
          maps.filter { $0.number > 0 }.map { [missing] in
            Feature(
              $0.name, number: $0.number, MapProbe(type: MapType(rawValue: $0.number), missing: missing).answer)
          }), BuiltInFeatures.mapTypes))
    groups.append(FeatureGroup("link types", LinkFacts.features(in: btf, modules: { modules.all })))
    groups.append(FeatureGroup("BTF", Self.typeFeatures(missing)))
    groups.append(FeatureGroup("XDP", Self.interfaces()))
    if !helpers.isEmpty {
      let functions = KernelEnumeration("bpf_func_id", prefix: "BPF_FUNC_", in: btf, fallback: []).items
        .filter { $0.number > 0 }
      let tracepoint = btf.flatMap { try? $0.types(named: "btf_trace_sys_enter", kinds: [.typedef]).first }?.rawValue
      for (name, probe) in probes where helpers.contains(name) {
        var probe = probe
        probe.tracepoint = tracepoint
        groups.append(
          FeatureGroup(
            "helpers of \(name)",
            functions.map { Feature($0.name, number: $0.number, probe.answer(helper: Int32(clamping: $0.number))) }))
      }
    }
    if !kfuncs.isEmpty {
      groups.append(FeatureGroup("kernel functions", kfuncs.map { Self.function($0, in: btf, modules) }))
    }
    self.groups = groups
    settings = SystemSetting.all()
  }

  /// The types of programs that a kernel with types names, for choosing among them.
  public static func programTypes() -> [String] {
    let btf = (try? TargetKernel.types()).flatMap { $0 }
    return KernelEnumeration("bpf_prog_type", prefix: "BPF_PROG_TYPE_", in: btf, fallback: KnownTypeNames.programTypes)
      .items
      .filter { $0.number > 0 }.map(\.name)
  }

  private static func typeFeatures(_ missing: [Capability]) -> [Feature] {
    let names: [(String, BTFFeatures)] = [
      ("float", .floats), ("decl_tag", .declarationTags), ("type_tag", .typeTags), ("enum64", .wideEnumerations),
      ("optional sections", .optionalSections),
    ]
    return names.map { name, feature in
      do throws(SystemCallError) {
        return Feature(name, try KernelFeatures.isSupported(feature) ? .yes : .no("the kernel refuses such BTF"))
      } catch { return Feature(name, Feature.Answer(refusal: error, missing: missing)) }
    }
  }

  private static func interfaces() -> [Feature] {
    guard let interfaces = try? RouteSocket().interfaces() else { return [] }
    let features = (try? XDPFeatures.all()).flatMap { $0 }
    return interfaces.map { interface in
      guard interface.isEthernet else {
        return Feature(interface.name, number: interface.index, .no("its frames have no Ethernet header"))
      }
      guard let features else {
        return Feature(
          interface.name, number: interface.index,
          .unknown("generic XDP works; what the driver can is told since Linux 6.3"))
      }
      let isNative = features[interface.index]?.contains(.basic) ?? false
      return Feature(
        interface.name, number: interface.index, isNative ? .yes : .no("generic XDP only, not in the driver"))
    }
  }

  private static func function(_ name: String, in btf: BTF?, _ modules: ModuleCache) -> Feature {
    guard let btf else { return Feature(name, .unknown("the kernel has no BTF")) }
    if btf.hasFunction(name) || modules.all.contains(where: { $0.hasFunction(name) }) { return Feature(name, .yes) }
    return Feature(name, .no("neither the kernel's types nor its modules' have it"))
  }
}

/// The modules' types, read once where something asks for them.
private final class ModuleCache {
  private let base: BTF?
  lazy var all: [BTF] =
    base.map { base in
      entries(ofDirectory: "/sys/kernel/btf").filter { $0 != "vmlinux" }.compactMap {
        try? BTF(contentsOf: "/sys/kernel/btf/\($0)", base: base)
      }
    } ?? []

  init(_ base: BTF?) { self.base = base }
}
