import BPFTypes

/// The variables of the sections `.struct_ops` and `.struct_ops.link`: structures of functions for the kernel to call,
/// each of which is a map. A section `?.struct_ops` has those that are only made when asked for.
struct OperationsMaps {
  private(set) var specs: [MapSpec] = []

  init(elf: ELFFile, btf: BTF?) throws(ObjectFileError) {
    for name in [".struct_ops", ".struct_ops.link", "?.struct_ops", "?.struct_ops.link"] {
      guard let (_, section) = elf.section(named: name), section.size > 0 else { continue }
      guard let btf else { throw ObjectFileError(.missingBTF(neededFor: "the section \(name)")) }
      try inBTF { () throws(BTFError) in
        for record in try btf.dataSections() where try btf.name(of: record) == name {
          for place in try btf.variables(of: record) {
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
