import BPFObjectFile
import GoldenObjects
import Testing

@Suite struct AssignmentTests {
  private var object: ObjectSpec {
    get throws { try ObjectSpec(name: "variables.bpf.o", bytes: Golden.bytes("variables.bpf.o")) }
  }

  private func value(_ name: String, of object: ObjectSpec) throws -> [UInt8] {
    let variable = try #require(object.variables.first { $0.name == name })
    let map = try #require(object.maps.first { $0.name == variable.map })
    return Array(map.contents[variable.offset..<variable.offset + variable.size])
  }

  @Test(
    arguments: [
      ("small", "-5", [0xfb, 0xff]), ("small", "0x7f", [0x7f, 0]),
      ("wide", "18446744073709551615", [UInt8](repeating: 255, count: 8)),
      ("is_on", "true", [1]), ("is_on", "no", [0]), ("chosen", "SECOND", [7, 0, 0, 0]), ("chosen", "2", [2, 0, 0, 0]),
      ("text", "abc", [97, 98, 99, 0, 0, 0, 0, 0]), ("numbers[2]", "258", [0, 0, 0, 0, 0, 0, 0, 0, 2, 1, 0, 0]),
      ("nested.inner.port", "443", [0, 0, 0, 0, 0xbb, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
      ("nested.unnamed", "9", [0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0]),
    ] as [(String, String, [UInt8])])
  func valuesTakeTheFormOfTheirType(path: String, text: String, bytes: [UInt8]) throws {
    var object = try object
    try object.set(path, toText: text)
    #expect(try value(String(path.prefix { $0 != "." && $0 != "[" }), of: object) == bytes)
  }

  @Test(arguments: [
    ("small", "32768", "-32768 to 32767"), ("wide", "-1", "0 to"), ("small", "", "no number"),
    ("small", "1x", "no number"),
    ("is_on", "2", "neither true nor false"), ("chosen", "THIRD", "FIRST, SECOND"), ("text", "12345678", "7 bytes"),
    ("numbers[3]", "1", "3 elements"), ("numbers[-1]", "1", "3 elements"), ("numbers[", "1", "index"),
    ("numbers", "1", "elements"),
    ("nested.nothing", "1", "no member nothing"), ("nested.inner", "1", "members"), ("nested.bits", "1", "bit field"),
    ("small.x", "1", "no member x"), ("nowhere", "1", "no variable nowhere"),
  ])
  func whatDoesNotFitIsNamed(path: String, text: String, why: String) throws {
    var object = try object
    let before = object.maps
    let error = #expect(throws: ObjectFileError.self) { try object.set(path, toText: text) }
    #expect("\(try #require(error))".contains(why))
    #expect(object.maps == before)
  }
}
