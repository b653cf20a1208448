import BPFInstructions
import BPFObjectFile
import BPFRelocation
import BPFTypes
import CaptureProgram
import FixturePrograms
import FlowTable
import Testing

@Suite struct ObjectSpecTests {
  private let spec: ObjectSpec

  init() throws { spec = try ObjectSpec(name: "watch.bpf.o", bytes: watchObject()) }

  @Test func mapsHaveTheAttributesOfTheirDefinitions() throws {
    let events = try #require(spec.mapIndex("events").map { spec.maps[$0] })
    #expect(events.type == .ringBuffer)
    #expect(events.maxEntries == 4096)
    let table = try #require(spec.mapIndex("table").map { spec.maps[$0] })
    #expect(table.type == .hash)
    #expect(table.keySize == 16)
    #expect(table.valueSize == 24)
    #expect(table.maxEntries == 16)
    #expect(table.keyType != .void)
  }

  @Test(arguments: [
    ("watch.rodata", true, MapFlags([.readOnlyForPrograms, .mappable]), 2), ("watch.bss", false, .mappable, 8),
    ("watch.data", false, MapFlags(), 4),
  ])
  func dataSectionsBecomeMaps(name: String, isConstant: Bool, flags: MapFlags, size: UInt32) throws {
    let map = try #require(spec.mapIndex(name).map { spec.maps[$0] })
    #expect(map.isConstant == isConstant)
    #expect(map.flags == flags)
    #expect(map.valueSize == size)
    #expect(map.type == .array)
    #expect(map.valueType != .void)
  }

  @Test func programsAndSubprogramsAreTold() {
    #expect(spec.programs.map(\.name) == ["watch", "add"])
    #expect(spec.programs.allSatisfy { $0.type == .xdp && $0.expectedAttachType == .xdp })
    #expect(spec.subprograms.map(\.name) == ["shared"])
    #expect(spec.license == "Dual BSD/GPL")
    #expect(spec.name == "watch")
  }

  @Test func constantsAreSetByName() throws {
    var spec = spec
    try spec.set("port", to: UInt16(443))
    let map = try #require(spec.mapIndex("watch.rodata").map { spec.maps[$0] })
    #expect(map.contents == [0xbb, 0x01])
    #expect(throws: ObjectFileError(.badValue(variable: "port", byteCount: 2, given: 4))) {
      try spec.set("port", to: UInt32(443))
    }
    #expect(throws: ObjectFileError.self) { try spec.set("prot", to: UInt16(443)) }
  }

  @Test func aSharedFunctionIsLinkedOnceIntoEachProgram() throws {
    let plan = try LoadPlan(spec)
    #expect(plan.programs.count == 2)
    for (program, entry) in zip(plan.programs, spec.programs) {
      let start = entry.function.instructions.count
      #expect(program.instructions.count == start + spec.subprograms[0].instructions.count)
      #expect(program.functions.map(\.instruction) == [0, start])
      let calls = program.instructions.indices.filter {
        program.instructions[$0].opcode == Opcode.call && program.instructions[$0].source == PseudoSource.call
      }
      #expect(calls.count == 1)
      #expect(calls.allSatisfy { $0 + 1 + Int(program.instructions[$0].immediate) == start })
      #expect(program.lines.first?.instruction == 0)
      #expect(program.lines.map(\.instruction) == program.lines.map(\.instruction).sorted())
      #expect(program.lines.allSatisfy { $0.instruction < program.instructions.count })
    }
    #expect(plan.programs[0].mapReferences.map(\.map).contains("events"))
    #expect(Set(plan.programs[1].mapReferences.map(\.map)) == ["table", "watch.data", "watch.bss", "watch.rodata"])
  }

  @Test func bothSidesOfTheCaptureAgreeOnTheCounters() throws {
    let spec = try ObjectSpec(name: "capture.bpf.o", bytes: captureObject())
    let counters = try #require(spec.mapIndex(CaptureProgram.counters).map { spec.maps[$0] })
    #expect(Int(counters.valueSize) == CaptureProgram.Counters.capture.byteCount)
    // What user space shares with the programs, as numbers of 32 bits.
    for name in [CaptureProgram.reader, CaptureProgram.fileLength] {
      let variable = try #require(spec.variables.first { $0.name == name })
      #expect(variable.offset % 4 == 0 && variable.size == 4)
    }
    let classifiers = [(true, false), (true, true), (false, false), (false, true)].map { isEthernet, isOutgoing in
      CaptureProgram.Names.capture.classifier(isOutgoing: isOutgoing, isEthernet: isEthernet)
    }
    #expect(spec.programs.map(\.name) == [CaptureProgram.Names.capture.xdp] + classifiers)
  }

  @Test func bothSidesOfTheFlowsAgreeOnTheirMaps() throws {
    let spec = try ObjectSpec(name: "flows.bpf.o", bytes: flowsObject())
    let flows = try #require(spec.mapIndex(CaptureProgram.flows).map { spec.maps[$0] })
    #expect(Int(flows.keySize) == FlowKey.byteCount)
    #expect(Int(flows.valueSize) == Flow.valueByteCount)
    let counters = try #require(spec.mapIndex(CaptureProgram.counters).map { spec.maps[$0] })
    #expect(Int(counters.valueSize) == CaptureProgram.Counters.flows.byteCount)
    let names = CaptureProgram.Names.flows
    let classifiers = [(true, false), (true, true), (false, false), (false, true)].map {
      names.classifier(isOutgoing: $1, isEthernet: $0)
    }
    #expect(spec.programs.map(\.name) == [names.xdp] + classifiers)
  }

  @Test func theKernelsLayoutOfInstructionsIsOurs() {
    #expect(MemoryLayout<Instruction>.size == Instruction.byteCount)
    #expect(MemoryLayout<Instruction>.stride == Instruction.byteCount)
  }
}

/// Whatever the bytes of an object are: a spec or an error, never a trap.
@Suite struct HostileObjectTests {
  private func read(_ bytes: [UInt8]) -> Bool {
    guard let spec = try? ObjectSpec(name: "x.o", bytes: bytes) else { return false }
    return (try? LoadPlan(spec)) != nil
  }

  @Test func anObjectWithoutBTFIsRefusedWithWhatToDo() throws {
    var object = watchObject()
    // In the string table the section's name is the end of another one's.
    let name = object.firstRange(of: Array(".rel.BTF\0".utf8))
    object[try #require(name?.upperBound) - 2] = UInt8(ascii: "-")
    let error = try #require(throws: ObjectFileError.self) { try ObjectSpec(name: "watch.bpf.o", bytes: object) }
    #expect("\(error)".contains("no BTF"))
    #expect("\(error)".contains("compile it with -g"))
  }

  @Test(arguments: [("watch", watchObject), ("rejected", rejectedObject)] as [(String, @Sendable () -> [UInt8])])
  func everyPrefixIsRefused(name: String, make: @Sendable () -> [UInt8]) {
    let object = make()
    #expect(read(object))
    // The section table stands at the end, so nothing shorter is whole.
    for count in stride(from: 0, to: object.count, by: 7) { #expect(!read(Array(object[..<count]))) }
  }

  @Test(arguments: [1, 2, 3, 4] as [UInt64])
  func mutationsEndInAValueOrAnError(seed: UInt64) {
    var generator = Generator(state: seed)
    let edges: [UInt64] = [0, 1, 0x7f, 0xff, 0x7fff_ffff, 0xffff_ffff, 0x7fff_ffff_ffff_ffff, .max]
    let objects = [watchObject(), rejectedObject(), captureObject()]
    var accepted = 0
    for round in 0..<2500 {
      var object = objects[round % objects.count]
      for _ in 0..<Int.random(in: 1...8, using: &generator) {
        let offset = Int.random(in: 0..<object.count - 8, using: &generator)
        switch Int.random(in: 0..<3, using: &generator) {
        case 0: object[offset] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
        case 1: object[offset] = .random(in: 0...255, using: &generator)
        default:
          let value = edges.randomElement(using: &generator) ?? 0
          let width = [1, 2, 4, 8].randomElement(using: &generator) ?? 1
          for byte in 0..<width { object[offset + byte] = UInt8(truncatingIfNeeded: value >> (8 * byte)) }
        }
      }
      if read(object) { accepted += 1 }
    }
    // Most bytes are debugging information, so many mutations change nothing that matters; some do.
    #expect(accepted > 0 && accepted < 2500)
  }

  /// SplitMix64: the same numbers from the same seed, everywhere.
  private struct Generator: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
      state &+= 0x9e37_79b9_7f4a_7c15
      var mixed = state
      mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
      mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
      return mixed ^ mixed >> 31
    }
  }
}
