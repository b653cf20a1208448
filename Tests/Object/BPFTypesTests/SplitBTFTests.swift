import BPFTypes
import Testing

@Suite struct SplitBTFTests {
  /// A module's type of a kernel's, whose body lies in the other file.
  @Test func aModulesTypesReadWhatTheirBaseHas() throws {
    var kernel = BTFEncoder()
    let int = kernel.add(name: "int", kind: .integer, [4, 1 << 24 | 32])
    let member = kernel.string("value")
    let structure = kernel.add(name: "shared", kind: .structure, itemCount: 1, [4, member, int.rawValue, 0])
    let base = try BTF(bytes: kernel.bytes)

    // Numbers and strings go on where the kernel's end.
    let typeCount = UInt32(base.typeCount)
    let stringByteCount = UInt32(base.stringByteCount)
    var words: [UInt32] = [1 << 16 | 0xeb9f, 24, 0]
    let types: [UInt32] = [
      // A pointer to the kernel's structure, and a function that takes it.
      0, 2 << 24, structure.rawValue,
      0, 13 << 24 | 1, int.rawValue, stringByteCount, typeCount + 1,
      stringByteCount + 2, 12 << 24, typeCount + 2,
    ]
    let strings = Array("p\0act\0".utf8)
    words += [UInt32(types.count * 4), UInt32(types.count * 4), UInt32(strings.count)]
    let bytes =
      (words + types).flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } } + strings
    let module = try BTF(bytes: bytes, base: base)

    let function = try #require(module.types(named: "act", kinds: [.function]).first)
    let prototype = try module.record(module.record(function).referent)
    #expect(try module.parameters(of: prototype).map(\.name) == ["p"])
    #expect(try module.cDeclaration(of: prototype.id, named: "act") == "int act(struct shared *p)")
    let shared = try module.record(structure)
    #expect(try module.members(of: shared).map(\.name) == ["value"])
    #expect(try module.member(0, of: shared).name == "value")
    #expect(try module.encoding(of: module.record(int)).isSigned)
    #expect(try module.encoding(of: module.record(int)).bitCount == 32)
    #expect(module.string(at: member, is: Array("value".utf8)))
    #expect(!module.string(at: member, is: Array("valu".utf8)))
  }
}
