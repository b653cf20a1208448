import BPFTypes
import Testing

/// Values are read as C lays them out, whatever the bytes are.
@Suite struct ValueTextTests {
  /// `struct event { u32 pid; char name[4]; s16 small; u8 low:3, high:5; bool yes; enum e { A, B = -1 } e; struct { u8 x; };
  /// u8 pad[3]; void *p; double d; }`
  private func event() throws -> BTF {
    var types = BTFEncoder()
    let u32 = types.add(name: "unsigned int", kind: .integer, [4, 32]).rawValue
    let s16 = types.add(name: "short", kind: .integer, [2, 1 << 24 | 16]).rawValue
    let u8 = types.add(name: "unsigned char", kind: .integer, [1, 8]).rawValue
    let char = types.add(name: "char", kind: .integer, [1, 1 << 24 | 8]).rawValue
    let bool = types.add(name: "_Bool", kind: .integer, [1, 4 << 24 | 8]).rawValue
    let name = types.add(kind: .array, [0, char, u32, 4]).rawValue
    let pad = types.add(kind: .array, [0, u8, u32, 3]).rawValue
    let pointer = types.add(kind: .pointer, [0]).rawValue
    let double = types.add(name: "double", kind: .float, [8]).rawValue
    let (a, b) = (types.string("A"), types.string("B"))
    let e = types.add(name: "e", kind: .enumeration, itemCount: 2, flag: true, [4, a, 0, b, UInt32.max]).rawValue
    let x = types.string("x")
    let inner = types.add(kind: .structure, itemCount: 1, [1, x, u8, 0]).rawValue
    let members: [(String, UInt32, UInt32)] = [
      ("pid", u32, 0), ("name", name, 32), ("small", s16, 64), ("low", u8, 3 << 24 | 80), ("high", u8, 5 << 24 | 83),
      ("yes", bool, 88), ("e", e, 96), ("", inner, 128), ("pad", pad, 136), ("p", pointer, 192), ("d", double, 256),
    ]
    let body = [UInt32(40)] + members.flatMap { [$0.0.isEmpty ? 0 : types.string($0.0), $0.1, $0.2] }
    types.add(name: "event", kind: .structure, itemCount: members.count, flag: true, body)
    return try BTF(bytes: types.bytes)
  }

  private func text(_ format: ValueText.Format, _ bytes: [UInt8]) throws -> String {
    let btf = try event()
    let id = try #require(btf.types(named: "event", kinds: [.structure]).first)
    var text: [UInt8] = []
    unsafe ValueText(try ValueLayout(of: id, in: btf), format).append(bytes.span.bytes, to: &text)
    return String(decoding: text, as: UTF8.self)
  }

  private let bytes: [UInt8] =
    [7, 0, 0, 0, 0x61, 0x22, 0, 0x7a, 0xfe, 0xff, 0b10101_011, 1, 0xff, 0xff, 0xff, 0xff, 9, 1, 2, 3, 0, 0, 0, 0]
    + [0x10, 0, 0, 0, 0, 0x88, 0xff, 0xff] + [0, 0, 0, 0, 0, 0, 0xf8, 0x3f]

  @Test func readsAsText() throws {
    #expect(
      try text(.text, bytes)
        == #"pid=7 name="a\"" small=-2 low=3 high=21 yes=true e=B x=9 pad=[1, 2, 3] p=0xffff880000000010 d=1.5"#)
  }

  @Test func readsAsJSON() throws {
    #expect(
      try text(.json, bytes)
        == #"{"pid":7,"name":"a\"","small":-2,"low":3,"high":21,"yes":true,"e":"B","x":9,"pad":[1,2,3],"#
        + #""p":"0xffff880000000010","d":1.5}"#)
  }

  @Test func whatIsMissingIsSaid() throws {
    for count in bytes.indices { #expect(!(try text(.text, Array(bytes[..<count]))).isEmpty) }
    #expect(try text(.text, [7, 0, 0, 0, 0x61]).hasPrefix(#"pid=7 name="a" small=? low=?"#))
    #expect(try text(.json, []).contains(#""pid":null"#))
  }

  @Test func charactersThatAreNoneAreShownAsNumbers() throws {
    var other = bytes
    other[4..<8] = [0x1b, 0xff, 0xc3, 0xa9]
    #expect(try text(.text, other).contains(#"name="\x1b\xff\xc3\xa9""#))
    other[4..<8] = [0xc3, 0xa9, 0, 0]
    #expect(try text(.json, other).contains(#""name":"é""#))
  }
}
