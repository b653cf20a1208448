import BPFObjectFile
import BPFRelocation
import BPFTypes
import GoldenObjects
import Synchronization
import Testing

/// The types of modules are read when the kernel itself does not have something, once, and what cannot be read is a warning.
@Suite struct KernelModuleTests {
  private func plan(_ name: String, modules: @escaping @Sendable () -> [KernelModule]) throws -> LoadPlan {
    var kernel = TargetKernel()
    kernel.btf = try BTF(bytes: Golden.bytes("kernel.btf"))
    kernel.modules = modules
    kernel.release = "6.6.7"
    return try LoadPlan(ObjectSpec(name: "\(name).bpf.o", bytes: Golden.bytes("\(name).bpf.o")), kernel: kernel)
  }

  private final class Counter: Sendable {
    let reads = Mutex(0)
  }

  @Test func modulesAreNotReadWhereTheKernelHasAll() throws {
    let counter = Counter()
    _ = try plan("field-offset") {
      counter.reads.withLock { $0 += 1 }
      return []
    }
    #expect(counter.reads.withLock { $0 } == 0)
  }

  @Test func anUnreadableModuleIsAWarning() throws {
    let counter = Counter()
    // It looks for types that this kernel does not have.
    let plan = try plan("poison") {
      [
        KernelModule(name: "broken") {
          counter.reads.withLock { $0 += 1 }
          return try BTF(bytes: Array(Golden.bytes("kernel.btf").dropLast()))
        }
      ]
    }
    #expect(
      plan.warnings.contains {
        guard case .unreadableModule("broken", let reason) = $0 else { return false }
        return reason.contains("header")
      }, "\(plan.warnings)")
    #expect(counter.reads.withLock { $0 } == 1)
    #expect(!plan.programs.isEmpty)
  }
}
