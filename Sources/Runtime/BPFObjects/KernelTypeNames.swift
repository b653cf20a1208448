import BPFLoader
import BPFRelocation
import BPFTypes
import LinuxCalls

/// The names of what programs were loaded for: functions and tracepoints by their number in the kernel's types.
final class KernelTypeNames {
  private let kernel: BTF?
  /// By the number of the types in the kernel; `nil` for those that cannot be read.
  private var known: [UInt32: BTF?] = [:]

  init() { kernel = (try? TargetKernel.types()).flatMap { $0 } }

  /// - Parameter types: the number of the kernel's, a module's or a program's types.
  func name(of type: UInt32, in types: UInt32) -> String? {
    if known[types] == nil { known[types] = .some(read(types)) }
    guard let btf = known[types].flatMap({ $0 }), let record = try? btf.record(BTF.TypeID(rawValue: type)),
      let name = try? btf.name(of: record), !name.isEmpty
    else { return nil }
    return name
  }

  private func read(_ types: UInt32) -> BTF? {
    guard let descriptor = try? BPF.open(.types, id: types),
      let information = try? BPF.information(ofTypes: descriptor)
    else { return nil }
    if information.isOfKernel, information.name == "vmlinux" { return kernel }
    guard let bytes = try? BPF.bytes(ofTypes: descriptor) else { return nil }
    return try? BTF(bytes: bytes, base: information.isOfKernel ? kernel : nil)
  }
}
