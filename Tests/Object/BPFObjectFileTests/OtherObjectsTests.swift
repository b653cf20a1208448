import BPFObjectFile
import BPFRelocation
import GoldenObjects
import Testing

/// Objects that libbpf does not load, or not on this machine.
@Suite struct OtherObjectsTests {
  @Test func mapsFromBeforeBTFAreRead() throws {
    let object = try ObjectSpec(name: "legacy-maps.bpf.o", bytes: Golden.bytes("legacy-maps.bpf.o"))
    #expect(object.maps.map(\.name) == ["table", "numbers"])
    #expect(object.maps.map(\.type) == [.hash, .array])
    #expect(object.maps.map(\.keySize) == [4, 4])
    #expect(object.maps.map(\.valueSize) == [8, 16])
    #expect(object.maps.map(\.maxEntries) == [1024, 3])
    #expect(object.maps.map(\.flags.rawValue) == [1, 0])
    let plan = try LoadPlan(object)
    #expect(plan.programs.first?.mapReferences.map(\.map) == ["table", "numbers"])
  }

  @Test func bigEndianObjectsCanBeReadButNotPlanned() throws {
    let big = try ObjectSpec(name: "linking.bpf.o", bytes: Golden.bytes("linking-big-endian.bpf.o"))
    let little = try ObjectSpec(name: "linking.bpf.o", bytes: Golden.bytes("linking.bpf.o"))
    #expect(big.isBigEndian && !little.isBigEndian)
    #expect(big.maps == little.maps)
    #expect(big.programs.map(\.function.instructions) == little.programs.map(\.function.instructions))
    #expect(big.programs.map(\.function.lines) == little.programs.map(\.function.lines))
    #expect(big.subprograms.map(\.references) == little.subprograms.map(\.references))
    #expect(throws: PlanError.otherByteOrder) { try LoadPlan(big) }
  }

  /// One program that nobody can place is left out by name, the others stay.
  @Test func anUnknownSectionDoesNotSinkTheObject() throws {
    var bytes = try Golden.bytes("linking.bpf.o")
    // The section "socket" becomes "rocket", wherever the name stands.
    let name = Array("socket\0".utf8)
    for place in bytes.indices.dropLast(name.count) where Array(bytes[place..<place + name.count]) == name {
      bytes[place] = UInt8(ascii: "r")
    }
    let object = try ObjectSpec(name: "linking.bpf.o", bytes: bytes)
    let plan = try LoadPlan(object)
    #expect(plan.programs.map(\.name) == ["first", "second"])
    #expect(plan.warnings == [.unknownSection(program: "walks", section: "rocket")])
  }

  @Test func errorsNameSectionRecordAndByte() throws {
    var bytes = try Golden.bytes("linking.bpf.o")
    let object = try ObjectSpec(name: "linking.bpf.o", bytes: bytes)
    let section = try #require(object.sections.first { $0.name == ".relxdp" })
    // The second record's symbol.
    bytes[section.offset + 16 + 12] = 200
    let error = #expect(throws: ObjectFileError.self) { try ObjectSpec(name: "x.bpf.o", bytes: bytes) }
    #expect("\(try #require(error))".contains("section .relxdp, record 1, byte 16"))
  }
}
