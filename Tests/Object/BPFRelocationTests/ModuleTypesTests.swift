import BPFObjectFile
import BPFRelocation
import BPFTypes
import GoldenObjects
import Synchronization
import Testing

/// The types of modules are read when the kernel itself does not have something, once, and what cannot be read is a warning.
@Suite struct ModuleTypesTests {
  private func plan(_ name: String, modules: ModuleTypes) throws -> LoadPlan {
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
    let modules = ModuleTypes {
      counter.reads.withLock { $0 += 1 }
      return ([], [])
    }
    _ = try plan("field-offset", modules: modules)
    #expect(counter.reads.withLock { $0 } == 0)
  }

  @Test func anUnreadableModuleIsAWarning() throws {
    let counter = Counter()
    let modules = ModuleTypes {
      counter.reads.withLock { $0 += 1 }
      return ([], [ModuleTypes.Failure(name: "broken", reason: "ends in the middle of a record")])
    }
    // It looks for types that this kernel does not have.
    let plan = try plan("poison", modules: modules)
    #expect(plan.warnings.contains(.unreadableModule(name: "broken", reason: "ends in the middle of a record")))
    #expect(counter.reads.withLock { $0 } == 1)
    #expect(!plan.programs.isEmpty)
  }
}
