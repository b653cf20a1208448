import BPFTypes

/// The variables of the sections `.struct_ops` and `.struct_ops.link`: structures of functions for the kernel to call,
/// each of which is a map. A section `?.struct_ops` has those that are only made when asked for.
struct OperationsMaps {
  private(set) var specs: [MapSpec] = []

  init(elf: ELFFile, btf: BTF?) throws(ObjectFileError) {
    let names = [".struct_ops", ".struct_ops.link", "?.struct_ops", "?.struct_ops.link"].filter {
      elf.section(named: $0).map { $0.section.size > 0 } ?? false
    }
    guard let first = names.first else { return }
    guard let btf else { throw ObjectFileError(.missingBTF(neededFor: "the section \(first)")) }
    try inBTF { () throws(BTFError) in
      let dataSections = try btf.dataSections()
      for name in names {
        for section in dataSections where section.name == name {
          for place in try btf.variables(of: section.record) {
            var spec = MapSpec(
              name: try btf.name(of: btf.record(place.type)), section: name, type: .structOps, keySize: 4,
              valueSize: UInt32(clamping: place.size), maxEntries: 1)
            spec.isWanted = !name.hasPrefix("?")
            specs.append(spec)
          }
        }
      }
    }
  }
}
