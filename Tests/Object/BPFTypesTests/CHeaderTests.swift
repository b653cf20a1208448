import BPFTypes
import Foundation
import GoldenObjects
import Testing

/// Types as C: what a compiler makes of the header has the layout that the BTF had.
@Suite struct CHeaderTests {
  /// The structures and unions of each name, and where their members lie. Flavours, by which the header tells types of
  /// one name apart, do not count.
  private func layouts(_ btf: BTF) throws -> [String: [String]] {
    var layouts: [String: [String]] = [:]
    for id in btf.ownTypes {
      let record = try btf.record(BTF.TypeID(rawValue: id))
      guard record.isComposite, case let name = try btf.name(of: record), !name.isEmpty else { continue }
      let members = try btf.members(of: record).filter { !$0.name.hasPrefix("__gap_") && !$0.name.hasPrefix("__size") }
      // What a list of variable arguments is, each target decides by itself.
      let declarations = try members.map { try btf.cDeclaration(of: $0.type, named: "") }
      guard !declarations.contains("va_list") else { continue }
      let places = members.map { "\($0.name) \($0.bitOffset):\($0.bitFieldSize)" }
      layouts[
        record.cKeyword + (name.firstRange(of: "___").map { String(name[..<$0.lowerBound]) } ?? name), default: []
      ]
      .append("\(record.size): " + places.joined(separator: ", "))
    }
    return layouts.mapValues { $0.sorted() }
  }

  @Test(arguments: [Golden.path("kernel.btf"), "/sys/kernel/btf/vmlinux"])
  func aCompilerFindsEveryMemberWhereItWas(path: String) throws {
    guard let bytes = try? Data(contentsOf: URL(filePath: path)) else {
      try Test.cancel("\(path) cannot be read: this kernel has no BTF (CONFIG_DEBUG_INFO_BTF)")
    }
    let types = try BTF(bytes: Array(bytes))
    let expected = try layouts(types)
    #expect(expected.count > 8)
    let directory = FileManager.default.temporaryDirectory.appending(path: "header-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    try CHeader.text(of: types).write(to: directory.appending(path: "types.h"), atomically: true, encoding: .utf8)
    // A type that nothing is of does not get into the object.
    let header = try String(contentsOf: directory.appending(path: "types.h"), encoding: .utf8)
    let defined = header.split(separator: "\n").filter {
      $0.hasSuffix(" {") && ($0.hasPrefix("struct ") || $0.hasPrefix("union "))
    }
    let variables = defined.enumerated().map { "\($1.dropLast(2)) variable_\($0);" }
    try (["#include \"types.h\""] + variables).joined(separator: "\n")
      .write(to: directory.appending(path: "types.c"), atomically: true, encoding: .utf8)
    let clang = Process()
    clang.executableURL = URL(filePath: "/usr/bin/env")
    clang.arguments = ["clang", "-target", "bpf", "-g", "-O0", "-w", "-c", "types.c", "-o", "types.o"]
    clang.currentDirectoryURL = directory
    try clang.run()
    clang.waitUntilExit()
    #expect(clang.terminationStatus == 0)
    let object = Array(try Data(contentsOf: directory.appending(path: "types.o")))
    let found = try layouts(BTF(bytes: section(".BTF", of: object)))
    for (name, layout) in expected { #expect(found[name] == layout, "\(name)") }
  }

  @Test func declarationsReadAsInC() throws {
    var types = BTFEncoder()
    let int = types.add(name: "int", kind: .integer, [4, 1 << 24 | 32])
    let char = types.add(name: "char", kind: .integer, [1, 8])
    let constant = types.add(kind: .const, [char.rawValue])
    let text = types.add(kind: .pointer, [constant.rawValue])
    let texts = types.add(kind: .array, [0, text.rawValue, int.rawValue, 4])
    let pointer = types.add(kind: .pointer, [texts.rawValue])
    let (a, b) = (types.string("a"), types.string("b"))
    let function = types.add(
      kind: .functionPrototype, itemCount: 3, [int.rawValue, a, text.rawValue, b, int.rawValue, 0, 0])
    let functionPointer = types.add(kind: .pointer, [function.rawValue])
    let constantPointer = types.add(kind: .const, [functionPointer.rawValue])
    let nothing = types.add(kind: .pointer, [0])
    let btf = try BTF(bytes: types.bytes)
    let expected = [
      (text, "const char *x"), (texts, "const char *x[4]"), (pointer, "const char *(*x)[4]"),
      (functionPointer, "int (*x)(const char *a, int b, ...)"),
      (constantPointer, "int (*const x)(const char *a, int b, ...)"), (nothing, "void *x"), (int, "int x"),
    ]
    for (id, declaration) in expected { #expect(try btf.cDeclaration(of: id, named: "x") == declaration) }
    #expect(try btf.cDeclaration(of: text, named: "") == "const char *")
  }

  /// What refers to itself in ways that C cannot, or doubles with every level, ends in an error and at once.
  @Test func impossibleTypesEndInAnError() throws {
    var itself = BTFEncoder()
    let member = itself.string("m")
    itself.add(name: "s", kind: .structure, itemCount: 1, [8, member, 1, 0])
    var pairs = BTFEncoder()
    for level in 1...60 {
      // Two unnamed members of the next structure each.
      pairs.add(
        name: level == 1 ? "root" : "", kind: .structure, itemCount: 2,
        [8, 0, UInt32(level) + 1, 0, 0, UInt32(level) + 1, 0])
    }
    pairs.add(name: "int", kind: .integer, [4, 32])
    var functions = BTFEncoder()
    for level in 1...28 {
      functions.add(kind: .functionPrototype, itemCount: 2, [0, 0, UInt32(level) + 1, 0, UInt32(level) + 1])
    }
    functions.add(name: "int", kind: .integer, [4, 32])
    functions.add(name: "f", kind: .typedef, [1])
    var loop = BTFEncoder()
    loop.add(name: "t", kind: .typedef, [2])
    loop.add(kind: .functionPrototype, itemCount: 1, [0, 0, 2])
    for types in [itself, pairs, functions, loop] {
      let btf = try BTF(bytes: types.bytes)
      #expect(throws: BTFError.self) { try CHeader.text(of: btf) }
    }
  }

  private func section(_ name: String, of object: [UInt8]) throws -> [UInt8] {
    // A second reader, to judge the first by: the section table by hand.
    func number(_ offset: Int, _ size: Int) -> Int {
      (0..<size).reduce(0) { $0 | Int(object[offset + $1]) << (8 * $1) }
    }
    let (table, count, names) = (number(40, 8), number(60, 2), number(62, 2))
    let strings = number(table + names * 64 + 24, 8)
    for index in 0..<count {
      let header = table + index * 64
      let start = strings + number(header, 4)
      guard String(decoding: object[start...].prefix { $0 != 0 }, as: UTF8.self) == name else { continue }
      let (offset, size) = (number(header + 24, 8), number(header + 32, 8))
      return Array(object[offset..<offset + size])
    }
    throw CocoaError(.fileReadCorruptFile)
  }
}
