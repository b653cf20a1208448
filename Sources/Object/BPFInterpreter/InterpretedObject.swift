import BPFObjectFile
package import BPFRelocation

/// What a plan would have loaded, run here instead: its programs, its arrays and its ring buffers, for one CPU.
package struct InterpretedObject: ~Copyable {
  /// By their names. Maps of other types than these two are not there, and a program that comes to one of them ends with
  /// `InterpreterError.Cause.unknownMap`.
  package let maps: [String: InterpretedMap]
  package let programs: [String: InterpretedProgram]
  package var memory = ProgramMemory()
  package var helpers = PacketHelpers()

  package init(_ plan: LoadPlan) throws(RegionTooLargeError) {
    var maps: [String: InterpretedMap] = [:]
    for map in plan.maps where map.isWanted {
      switch map.type {
      case .array, .perCPUArray:
        maps[map.name] = try helpers.addArray(
          valueByteCount: Int(map.valueSize), entryCount: Int(map.maxEntries), contents: map.contents, in: &memory)
      case .ringBuffer: maps[map.name] = try helpers.addRing(byteCount: Int(map.maxEntries), in: &memory)
      default: break
      }
    }
    self.maps = maps
    programs = Dictionary(
      plan.programs.map { program in
        let references = program.mapReferences.compactMap { reference in
          maps[reference.map].map { (reference.instruction, $0) }
        }
        let places = Dictionary(references, uniquingKeysWith: { first, _ in first })
        return (program.name, InterpretedProgram(program.instructions, maps: places))
      }, uniquingKeysWith: { first, _ in first })
  }

  /// Runs one of its programs, or does nothing where there is none of the name.
  package mutating func run(
    _ program: String, on packet: RawSpan, context: PacketContext
  ) throws(InterpreterError) -> UInt64? {
    try programs[program]?.run(on: packet, context: context, memory: &memory, helpers: &helpers)
  }

  /// Hands over the records that programs have submitted to a ring.
  package mutating func drain(_ ring: String, _ body: (RawSpan) -> Void) throws(BadAccess) {
    guard let ring = maps[ring] else { return }
    try helpers.drain(ring, in: memory, body)
  }
}
