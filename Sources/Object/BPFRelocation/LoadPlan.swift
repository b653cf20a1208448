public import BPFInstructions
public import BPFObjectFile
public import BPFTypes

/// Everything that loading an object will ask of the kernel, in order and as values: maps to create, programs to load.
/// Map references still stand by name. Making a plan needs no privilege and touches no kernel; a loader executes it.
public struct LoadPlan: Sendable {
  public let license: String
  /// What BPF_BTF_LOAD gets.
  public let btf: BTF?
  /// In the order of creation.
  public let maps: [MapSpec]
  /// In the order of loading.
  public let programs: [ProgramPlan]
  public let warnings: [PlanWarning]
}

/// A program with all its subprograms behind it, as BPF_PROG_LOAD takes it but for the maps' descriptors.
public struct ProgramPlan: Sendable {
  public let name: String
  public let sectionName: String
  /// What it attaches to, as the section's name or somebody in its place says; `nil` where neither does.
  public let target: String?
  public let type: ProgramType
  public let expectedAttachType: AttachType
  public let flags: ProgramFlags
  /// `LINUX_VERSION_CODE` of the kernel, which old kernels insist on for kprobes; 0 where it is not known.
  public let kernelVersion: UInt32
  /// Whether the program was told that the kernel has `bpf_get_attach_cookie` (LINUX_HAS_BPF_COOKIE).
  public let knowsAttachCookie: Bool
  /// What the program attaches to, in the kernel's BTF.
  public let attachTarget: AttachTarget?
  public let instructions: [Instruction]
  /// The two-slot instructions whose first immediate becomes a map's descriptor, ascending.
  public let mapReferences: [MapReference]
  /// The instructions that need the descriptor of a module's BTF, ascending.
  public let moduleReferences: [ModuleReference]
  /// The modules whose functions are called, in the order of the descriptors that BPF_PROG_LOAD gets, from 1 on.
  public let functionModules: [String]
  /// Where each function begins, the program's own first.
  public let functionStarts: [FunctionStart]
  /// `struct bpf_func_info`: where each function begins and its type; empty without BTF.
  public internal(set) var functions: [FunctionInformation]
  /// `struct bpf_line_info`, ascending; `instruction` counts from the program's start.
  public internal(set) var lines: [SourceLine]
  /// The instructions that stand for something that the kernel does not have, ascending. The verifier refuses the
  /// program if it finds a way to one of them.
  public let unreachable: [UnreachableInstruction]
  /// What the CO-RE relocations came to, in the order of the functions.
  public let relocations: [AppliedRelocation]
}

/// A function of a linked program.
public struct FunctionStart: Hashable, Sendable {
  public let instruction: Int
  public let name: String
}

/// An instruction that must not be reached on this kernel.
public struct UnreachableInstruction: Hashable, Sendable {
  /// Counts from the start of the linked program.
  public let instruction: Int
  /// What the kernel does not have: `the byte offset of struct task_struct.state`.
  public let missing: String
}

/// A CO-RE relocation that has been carried out.
public struct AppliedRelocation: Hashable, Sendable {
  /// Counts from the start of the linked program.
  public let instruction: Int
  public let record: CORERecord
  public let result: CORERelocator.Result

  func moved(by instructionCount: Int) -> AppliedRelocation {
    AppliedRelocation(instruction: instruction + instructionCount, record: record, result: result)
  }
}

/// An instruction that needs a map's descriptor.
public struct MapReference: Hashable, Sendable {
  public let instruction: Int
  public let map: String
}

/// An instruction that refers to a type of a module's BTF.
public struct ModuleReference: Hashable, Sendable {
  public let instruction: Int
  public let module: String
}

/// A function or type of the kernel that a program attaches to, or a function of another program.
public struct AttachTarget: Hashable, Sendable {
  /// In the kernel's BTF. `void` for a function that a `freplace` program takes the place of: its number is in the BTF of
  /// the program that loading is told.
  public let type: BTF.TypeID
  public let name: String
  /// `nil` for the kernel itself.
  public let module: String?
}

/// `struct bpf_func_info`: where a function begins in the linked program, and its type.
public struct FunctionInformation: Hashable, Sendable {
  public let instruction: Int
  public let type: BTF.TypeID
}

extension LoadPlan {
  /// - Parameter kernel: what the object is for; an object without relocations and externs needs to know nothing of it.
  public init(_ object: ObjectSpec, kernel: TargetKernel = TargetKernel()) throws(PlanError) {
    guard !object.isBigEndian else { throw .otherByteOrder }
    let externs: ExternResolution
    let lookup: TypeLookup
    do { lookup = try TypeLookup(kernel: kernel, names: object.namesOfKernelTypes) } catch { throw .kernelTypes(error) }
    do { externs = try ExternResolution(object, kernel: kernel, lookup: lookup) } catch { throw .extern(error) }
    let relocated = try RelocatedFunctions(object, lookup: lookup)
    var planned: [MapSpec] = []
    for map in object.maps { planned.append(try map.completed(kernel: kernel)) }
    if let settings = externs.settings.map(of: object) { planned.append(settings) }
    let missingMaps = Dictionary(
      planned.enumerated().filter { !$0.element.isWanted }.map { ($0.element.name, $0.offset) },
      uniquingKeysWith: { first, _ in first })
    var linked: [ProgramPlan] = []
    var warnings = externs.settings.warnings
    for program in object.programs where program.isWanted {
      // One program that nobody can place does not sink the others.
      guard program.type != .unspecified else {
        warnings.append(.unknownSection(program: program.name, section: program.sectionName))
        continue
      }
      let target = try program.attachTarget(in: lookup)
      var linker = Linker(
        program: program.fitted(to: kernel.features), functions: relocated, externs: externs, maps: planned,
        missingMaps: missingMaps, target: target, version: object.version ?? kernel.versionCode,
        knowsAttachCookie: kernel.features.attachCookie)
      linked.append(try linker.link())
      warnings += linker.warnings
    }
    let btf: BTF?
    do throws(BTFError) { btf = try object.btf?.completed(for: object, settings: externs.settings) } catch {
      throw .types(error)
    }
    let plan = LoadPlan(
      license: object.license, btf: btf, maps: planned, programs: linked,
      warnings: warnings + lookup.warnings)
    self = try plan.reduced(to: kernel.features.btf)
  }
}

extension ProgramSpec {
  fileprivate func fitted(to features: KernelFeatures) -> ProgramSpec {
    guard isUSDT, expectedAttachType == .traceUprobeMulti, !features.uprobeMulti else { return self }
    var program = self
    program.expectedAttachType = .none
    return program
  }

  /// The module, if the target names one ("module:function"), and the name that the kernel's BTF has.
  fileprivate var targetName: (module: String?, name: String)? {
    guard attachesByType, type != .`extension`, let target, !target.isEmpty else { return nil }
    let parts = target.split(separator: ":", maxSplits: 1)
    return (
      parts.count == 2 ? String(parts[0]) : nil, section.targetType.prefix + (parts.last.map(String.init) ?? target)
    )
  }

  /// Looks up what the program attaches to in the kernel's types, where it is loaded with its number there.
  fileprivate func attachTarget(in lookup: TypeLookup) throws(PlanError) -> AttachTarget? {
    guard attachesByType else { return nil }
    guard type != .`extension` else {
      return target.map { AttachTarget(type: .void, name: $0, module: nil) }
    }
    guard let (module, name) = targetName else { throw .noTarget(program: self.name, section: sectionName) }
    do throws(BTFError) {
      let kind: BTF.Kind = section.targetType.isTypedef ? .typedef : .function
      let found = try lookup.first(name, kind: kind) { module == nil || module == $0 ?? "vmlinux" }
      if let (type, source) = found { return AttachTarget(type: type, name: name, module: source.module) }
    } catch { throw .kernelTypes(error) }
    throw .noSuchTarget(program: self.name, name: name)
  }
}

extension ObjectSpec {
  /// What will be looked for in the kernel's types.
  fileprivate var namesOfKernelTypes: Set<String> {
    var names = Set(programs.filter(\.isWanted).compactMap { $0.targetName?.name })
    for extern in externs {
      switch extern.kind {
      case .variable, .function: names.insert(extern.name.withoutFlavour)
      case .setting, .address: break
      }
    }
    let functions = subprograms + programs.filter(\.isWanted).map(\.function)
    if let btf { names.formUnion(CORERelocator.names(functions.flatMap(\.relocations), in: btf)) }
    return names
  }
}
