import BPFTypes
import Testing

/// Which structure a record is, by its length and the structures' names.
@Suite struct EventTypesTests {
  /// Structures of one member each.
  private func types(_ structures: [(name: String, size: UInt32)]) throws -> EventTypes {
    var types = BTFEncoder()
    let byte = types.add(name: "unsigned char", kind: .integer, [1, 8]).rawValue
    let x = types.string("x")
    for structure in structures {
      types.add(name: structure.name, kind: .structure, itemCount: 1, [structure.size, x, byte, 0])
    }
    return try EventTypes(BTF(bytes: types.bytes), chosen: ["other": "task"])
  }

  private func name(_ choice: EventTypes.Choice) -> String? {
    if case .layout(_, let name) = choice { name } else { nil }
  }

  @Test func theOnlyOneOfItsLengthIsTaken() throws {
    let types = try types([("task", 16), ("event", 24), ("data_event", 32), ("pair", 32)])
    #expect(name(types.choice(ring: "events", byteCount: 24)) == "event")
    #expect(name(types.choice(ring: "events", byteCount: 16)) == "task")
    // Of several, the one whose name says it.
    #expect(name(types.choice(ring: "events", byteCount: 32)) == "data_event")
    #expect(name(types.choice(ring: "pairs", byteCount: 32)) == "pair")
    #expect(name(types.choice(ring: "events", byteCount: 20)) == nil)
  }

  @Test func aPerfRingPadsItsSamples() throws {
    let types = try types([("task", 16), ("event", 24)])
    #expect(name(types.choice(ring: "events", byteCount: 28, padding: 7)) == "event")
    #expect(name(types.choice(ring: "events", byteCount: 28)) == nil)
  }

  @Test func whatIsChosenDecides() throws {
    #expect(name(try types([("task", 16), ("event", 24)]).choice(ring: "other", byteCount: 24)) == "task")
  }

  @Test func severalAreNamed() throws {
    guard case .undecided(let names) = try types([("one", 8), ("two", 8)]).choice(ring: "r", byteCount: 8) else {
      Issue.record("one was taken")
      return
    }
    #expect(names == ["one", "two"])
  }
}
