import BPFRelocation
import LinuxCalls

/// The descriptors of the modules' types that programs refer to.
struct ModuleDescriptors: Sendable {
  private final class Module: Sendable {
    let name: String
    let types: FileDescriptor
    init(name: String, types: consuming FileDescriptor) {
      self.name = name
      self.types = types
    }
  }

  private let modules: [Module]

  init(for programs: [ProgramPlan]) throws(LoadError) {
    var names: [String] = []
    for program in programs {
      let all = program.moduleReferences.map(\.module) + program.functionModules
      for name in all + (program.attachTarget?.module.map { [$0] } ?? []) where !names.contains(name) {
        names.append(name)
      }
    }
    var modules: [Module] = []
    for name in names {
      do throws(SystemCallError) {
        guard let types = try BPF.types(ofModule: name) else {
          throw SystemCallError(call: "bpf(BPF_BTF_GET_NEXT_ID)", errno: .noSuchFile)
        }
        modules.append(Module(name: name, types: types))
      } catch { throw LoadError(.findModule(name), error) }
    }
    self.modules = modules
  }

  /// The descriptor's number, which is good as long as this value is.
  subscript(name: String) -> CInt {
    guard let module = modules.first(where: { $0.name == name }) else {
      preconditionFailure("the plan refers to module \(name), which it does not have")
    }
    return module.types.number
  }
}
