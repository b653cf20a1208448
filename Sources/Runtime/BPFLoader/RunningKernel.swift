public import BPFObjectFile
public import BPFRelocation
public import BPFTypes
import LinuxCalls

extension TargetKernel {
  /// The kernel that runs here, as far as an object depends on it: what the object does not ask for is not read.
  /// - Throws: `LoadError` when something that it needs cannot be read.
  public static func running(for object: ObjectSpec) throws(LoadError) -> TargetKernel {
    var kernel = running
    if object.needsKernelTypes {
      kernel.btf = try types()
      if let own = kernel.btf { kernel.modules = { modules(own) } }
    }
    if object.needsSymbols { kernel.symbols = try read("/proc/kallsyms") }
    if object.needsConfiguration { kernel.configuration = configuration() }
    kernel.features = KernelFeatures.probed(for: object)
    if object.programs.contains(where: { $0.isWanted && $0.isUSDT }) {
      // A program of this kind loads anywhere, and could not be attached: only the kernel's types tell.
      let btf = if let known = kernel.btf { known } else { try types() }
      let functions = try? btf?.types(named: "bpf_uprobe_multi_link_attach", kinds: [.function])
      kernel.features.uprobeMulti = !(functions ?? []).isEmpty
    }
    return kernel
  }

  /// The kernel that runs here, with nothing but its name and its CPUs.
  public static var running: TargetKernel {
    var kernel = TargetKernel()
    kernel.release = kernelRelease()
    // Only Ubuntu's kernels have the file.
    let signature = try? contents(ofFile: "/proc/version_signature")
    kernel.version = signature.map { String(decoding: $0, as: UTF8.self) } ?? kernelVersion()
    kernel.cpuCount = (try? possibleCPUCount()) ?? 1
    return kernel
  }

  /// Where distributions lay a vmlinux, for kernels whose own types are not in /sys.
  private static func typePaths(_ release: String) -> [String] {
    [
      "/sys/kernel/btf/vmlinux", "/boot/vmlinux-\(release)", "/lib/modules/\(release)/vmlinux-\(release)",
      "/lib/modules/\(release)/build/vmlinux", "/usr/lib/modules/\(release)/kernel/vmlinux",
      "/usr/lib/debug/boot/vmlinux-\(release)", "/usr/lib/debug/boot/vmlinux-\(release).debug",
      "/usr/lib/debug/lib/modules/\(release)/vmlinux",
    ]
  }

  /// The kernel's own types; `nil` where nothing has them.
  public static func types() throws(LoadError) -> BTF? {
    for path in typePaths(kernelRelease()) {
      do { return try BTF(contentsOf: path) } catch let error as LoadError {
        if error.cause.errno != .noSuchFile { throw error }
      } catch {
        // A file of that name that has no types in it is none.
        continue
      }
    }
    return nil
  }

  private static func modules(_ own: BTF) -> [KernelModule] {
    entries(ofDirectory: "/sys/kernel/btf").sorted().filter { $0 != "vmlinux" }.map { name in
      KernelModule(name: name) { try BTF(contentsOf: "/sys/kernel/btf/\(name)", base: own) }
    }
  }

  /// The text of the configuration; empty where nothing has it.
  public static func configuration() -> [UInt8] {
    (try? contents(ofFile: "/boot/config-\(kernelRelease())"))
      ?? (try? contents(ofCompressedFile: "/proc/config.gz")) ?? []
  }

  private static func read(_ path: String) throws(LoadError) -> [UInt8] {
    do { return try contents(ofFile: path) } catch { throw LoadError(.readFile(path), error) }
  }
}

extension ObjectSpec {
  /// Whether it has externs that are looked up in /proc/kallsyms.
  package var needsSymbols: Bool { externs.contains { $0.kind == .address } }

  /// Whether it has externs that are looked up in the kernel's configuration.
  package var needsConfiguration: Bool { externs.contains { $0.name.hasPrefix("CONFIG_") } }

  /// Whether anything in it refers to the kernel's types.
  fileprivate var needsKernelTypes: Bool {
    let functions = subprograms + programs.map(\.function)
    return functions.contains { !$0.relocations.isEmpty }
      || programs.contains { $0.isWanted && $0.attachesByType }
      || externs.contains {
        switch $0.kind {
        case .variable, .function: true
        case .setting, .address: false
        }
      }
  }
}
