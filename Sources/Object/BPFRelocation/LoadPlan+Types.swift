import BPFObjectFile
public import BPFTypes

extension LoadPlan {
  /// The same plan with types that a kernel of these features understands: those that the maps and programs need, in
  /// the words of that kernel. A plan whose types it understands already stays as it is.
  public func reduced(to features: BTFFeatures) throws(PlanError) -> LoadPlan {
    do throws(BTFError) {
      guard let btf, !features.isSuperset(of: .all), try !btf.features().isSubset(of: features) else { return self }
      return try minimized(to: features)
    } catch { throw .types(error) }
  }

  /// The same plan with no more types than its maps and programs need.
  public func minimized(to features: BTFFeatures = .all) throws(BTFError) -> LoadPlan {
    guard let btf else { return self }
    let ofMaps = maps.filter { $0.isWanted && $0.hasTypes }.flatMap { [$0.keyType, $0.valueType] }
    let ofPrograms = programs.flatMap { $0.functions.map(\.type) }
    var subset = try BTFSubset(of: btf, roots: ofMaps + ofPrograms, features: features)
    var maps: [MapSpec] = []
    for map in self.maps { maps.append(map.renumbered(subset)) }
    var programs: [ProgramPlan] = []
    for program in self.programs { programs.append(try program.renumbered(&subset)) }
    return LoadPlan(
      license: license, btf: try BTF(bytes: subset.bytes), maps: maps, programs: programs, warnings: warnings)
  }
}

extension LoadPlan {
  /// The same plan with other types, of the same numbers.
  package init(_ other: LoadPlan, btf: BTF) {
    self.init(
      license: other.license, btf: btf, maps: other.maps, programs: other.programs, warnings: other.warnings)
  }

  /// The same plan without any types: no names of functions, no source lines, maps of plain bytes.
  public func withoutTypes() -> LoadPlan {
    let maps = maps.map { map in
      var map = map
      (map.keyType, map.valueType) = (.void, .void)
      return map
    }
    let programs = programs.map { program in
      var program = program
      (program.functions, program.lines) = ([], [])
      return program
    }
    return LoadPlan(license: license, btf: nil, maps: maps, programs: programs, warnings: warnings)
  }
}

extension MapSpec {
  fileprivate func renumbered(_ subset: BTFSubset) -> MapSpec {
    var map = self
    map.keyType = subset.number(keyType) ?? .void
    map.valueType = subset.number(valueType) ?? .void
    map.inner = inner.map { $0.renumbered(subset) }
    return map
  }
}

extension ProgramPlan {
  fileprivate func renumbered(_ subset: inout BTFSubset) throws(BTFError) -> ProgramPlan {
    var lines: [SourceLine] = []
    for line in self.lines {
      lines.append(line.renamed(fileName: try subset.string(at: line.fileName), text: try subset.string(at: line.text)))
    }
    var program = self
    program.lines = lines
    program.functions = functions.map {
      FunctionInformation(instruction: $0.instruction, type: subset.number($0.type) ?? .void)
    }
    return program
  }
}
