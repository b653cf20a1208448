import BPFObjectFile
import BPFRelocation
import BPFTypes
import GoldenObjects
import Testing

/// Plans for kernels that do not understand all of an object's types.
@Suite struct MinimizedPlanTests {
  private func plan(_ name: String, features: BTFFeatures = .all) throws -> LoadPlan? {
    guard let object = try? ObjectSpec(name: "\(name).bpf.o", bytes: Golden.bytes("\(name).bpf.o")) else { return nil }
    var kernel = TargetKernel()
    kernel.btf = try BTF(bytes: Golden.bytes("kernel.btf"))
    kernel.symbols = try Golden.bytes("kernel.kallsyms")
    kernel.configuration = try Golden.bytes("kernel.config")
    kernel.release = "6.6.7"
    kernel.features.btf = features
    return try? LoadPlan(object, kernel: kernel)
  }

  /// The names that a plan's numbers stand for.
  private func meaning(_ plan: LoadPlan) throws -> [String] {
    guard let btf = plan.btf else { return [] }
    var names: [String] = []
    for map in plan.maps where map.hasTypes {
      for type in [map.keyType, map.valueType] {
        names.append(
          "\(map.name): " + (type == .void ? "-" : (try? btf.cDeclaration(of: type, named: "")) ?? "data section"))
      }
    }
    for program in plan.programs {
      for function in program.functions {
        let record = try btf.record(function.type)
        names.append("\(program.name)+\(function.instruction): \(try btf.name(of: record))")
      }
      for line in program.lines {
        names.append(
          "\(line.instruction): \(try btf.string(at: line.fileName)):\(line.number) \(try btf.string(at: line.text))")
      }
    }
    return names
  }

  @Test(arguments: Golden.names)
  func aSmallerBTFMeansTheSame(name: String) throws {
    guard let plan = try plan(name), plan.btf != nil else { return }
    let small = try plan.minimized()
    #expect(try meaning(small) == meaning(plan))
    #expect(small.programs.map(\.instructions) == plan.programs.map(\.instructions))
    let (before, after) = try (#require(plan.btf), #require(small.btf))
    #expect(after.typeCount <= before.typeCount)
  }

  @Test func anOldKernelIsSparedWhatItDoesNotKnow() throws {
    var used: BTFFeatures = []
    for name in Golden.names {
      guard let new = try plan(name), let old = try plan(name, features: []), let btf = old.btf else { continue }
      used.formUnion(try #require(new.btf).features())
      #expect(try btf.features() == [])
      #expect(old.programs.map(\.instructions) == new.programs.map(\.instructions))
    }
    // Else the test would not have tried anything.
    #expect(used.isSuperset(of: [.floats, .declarationTags, .typeTags, .wideEnumerations]))
  }
}
