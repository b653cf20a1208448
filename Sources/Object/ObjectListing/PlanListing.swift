import BPFInstructions
public import BPFObjectFile
public import BPFRelocation
import BPFTypes

/// A plan in words: what the kernel would be asked for, in order.
public struct PlanListing {
  private let plan: LoadPlan
  private let describe: Describer

  /// - Parameter object: what the plan was made from.
  public init(_ plan: LoadPlan, of object: ObjectSpec) {
    self.plan = plan
    describe = Describer(object: object)
  }

  /// - Parameter only: the names of the programs that code is wanted of; all when empty.
  public func text(_ parts: Set<ObjectListing.Part>, only: Set<String> = []) -> String {
    var blocks: [String] = []
    if parts.count > 1, let btf = plan.btf {
      blocks.append("BPF_BTF_LOAD: \(btf.bytes.count) bytes, \(btf.typeCount) types\n")
    }
    if parts.contains(.maps), !plan.maps.isEmpty { blocks.append("BPF_MAP_CREATE\n" + mapTable.text) }
    if parts.contains(.programs), !plan.programs.isEmpty { blocks.append("BPF_PROG_LOAD\n" + programTable.text) }
    if parts.contains(.relocations), case let table = relocationTable, !table.isEmpty {
      blocks.append("CO-RE relocations\n" + table.text)
    }
    if parts.contains(.code) {
      for program in plan.programs where only.isEmpty || only.contains(program.name) {
        blocks.append("\(program.name) in section \(program.sectionName)\n" + code(program).text)
      }
    }
    return blocks.joined(separator: "\n")
  }

  private var mapTable: TextTable {
    var table = TextTable(["name", "type", "entries", "key", "value", "flags", "then"], rightAligned: [2, 3, 4, 5])
    for map in plan.maps where map.isWanted {
      var more: [String] = []
      if map.contents.contains(where: { $0 != 0 }) { more.append("filled") }
      if map.isConstant { more.append("frozen") }
      if map.pinning == .byName { more.append("pinned") }
      if !map.initialSlots.isEmpty { more.append("\(map.initialSlots.count) slots set") }
      table.append([
        map.kernelName, "\(map.type)", "\(map.maxEntries)", "\(map.keySize)", "\(map.valueSize)",
        hexadecimal(map.flags.rawValue), more.joined(separator: ", "),
      ])
    }
    return table
  }

  private var programTable: TextTable {
    var table = TextTable(["name", "type", "attach type", "instructions", "attaches to"], rightAligned: [3])
    for program in plan.programs {
      let target = program.attachTarget.map {
        "\($0.name), type \($0.type.rawValue) of \($0.module ?? "the kernel")"
      }
      table.append([
        program.name, "\(program.type)",
        program.expectedAttachType == .none ? "-" : "\(program.expectedAttachType)",
        "\(program.instructions.count)", target ?? "",
      ])
    }
    return table
  }

  private var relocationTable: TextTable {
    var table = TextTable(
      ["program", "instruction", "wanted", "object", "kernel", "found in"], rightAligned: [1, 3, 4])
    for program in plan.programs {
      for relocation in program.relocations {
        let result = relocation.result
        table.append([
          program.name, "\(relocation.instruction)",
          "\(relocation.record.kind.phrase) \(describe.spelling(relocation.record))", "\(result.compiled)",
          result.isPoison ? "none" : "\(result.value)",
          result.candidates.map { "type \($0.type.rawValue)" + ($0.module.map { " of \($0)" } ?? "") }
            .joined(separator: ", "),
        ])
      }
    }
    return table
  }

  private func code(_ program: ProgramPlan) -> CodeListing {
    var code = CodeListing(instructions: program.instructions)
    let locator = SourceLocator(btf: plan.btf)
    for line in program.lines { code.lines[line.instruction] = locator.comment(line) }
    for function in program.functionStarts { code.functions[function.instruction] = function.name }
    for reference in program.mapReferences {
      let isValue = program.instructions[reference.instruction].source == PseudoSource.mapValue
      let offset = Int(UInt32(bitPattern: program.instructions[reference.instruction + 1].immediate))
      code.symbols[reference.instruction] = describe.symbol(
        isValue ? .data(map: reference.map, offset: offset) : .map(reference.map))
    }
    let starts = Dictionary(
      program.functionStarts.map { ($0.instruction, $0.name) }, uniquingKeysWith: { first, _ in first })
    for (index, instruction) in program.instructions.enumerated() {
      let target = index + 1 + Int(instruction.immediate)
      if instruction.opcode == Opcode.call, instruction.source == PseudoSource.call {
        code.symbols[index] = starts[target]
      } else if instruction.opcode == Opcode.loadImmediate64, instruction.source == PseudoSource.function {
        code.symbols[index] =
          "subprog[\(instruction.immediate < 0 ? "" : "+")\(instruction.immediate)]"
          + (starts[target].map { " <\($0)>" } ?? "")
      }
    }
    let ofCORE = Set(program.relocations.map(\.instruction))
    for instruction in program.unreachable where !ofCORE.contains(instruction.instruction) {
      code.remarks[instruction.instruction, default: []].append("not to be reached: no \(instruction.missing)")
    }
    for relocation in program.relocations {
      let result = relocation.result
      let change =
        result.isPoison
        ? "the kernel has none: not to be reached"
        : result.compiled == result.value ? "\(result.value)" : "\(result.compiled) → \(result.value)"
      code.remarks[relocation.instruction, default: []].append(
        "CO-RE: \(relocation.record.kind.phrase) \(describe.spelling(relocation.record)): \(change)")
    }
    return code
  }
}
