import ArgumentParser
import BPFLoader
import BPFObjectFile
import BPFObjects
import BPFTypes
import LinuxCalls

/// `merops map`
struct MapCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "map",
    abstract: "Reads and changes maps that are in the kernel now.",
    discussion: """
      MAP is a number as 'merops list maps' shows it, a name that only one map has, or the path of a pin. Keys and \
      values are written as their BTF type says: a number, true or false, an enumerator's name, a text for an array of \
      characters, MEMBER=VALUE,MEMBER=VALUE for a structure, or hex:0a1b for any.
      """,
    subcommands: [Dump.self, Lookup.self, Update.self, Delete.self])

  struct Output: ParsableArguments {
    @Flag(help: "One JSON object a line.")
    var json = false
  }

  struct Dump: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Prints all keys and values.")
    @Argument(help: "Number, name or pin.") var map: String
    @OptionGroup var output: Output

    func run() throws {
      try explaining {
        let opened = try OpenedMap(map)
        try opened.printAll(json: output.json)
      }
    }
  }

  struct Lookup: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Prints the value of a key; exit status 1 where there is none.")
    @Argument(help: "Number, name or pin.") var map: String
    @Argument(help: "The key.") var key: String
    @OptionGroup var output: Output

    func run() throws {
      try explaining {
        let opened = try OpenedMap(map)
        let bytes = try opened.key(key)
        guard let value = try opened.map.lookup(bytes) else {
          throw Failure(report: "look up \(key) in \(opened.map.name): there is no such key")
        }
        opened.print(bytes, value, json: output.json)
      }
    }
  }

  struct Update: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Sets the value of a key.")
    @Argument(help: "Number, name or pin.") var map: String
    @Argument(help: "The key.") var key: String
    @Argument(help: "The value; of a per-CPU map, that of every CPU.") var value: String

    func run() throws {
      try explaining {
        let opened = try OpenedMap(map)
        try opened.map.update(opened.key(key), to: opened.value(value))
      }
    }
  }

  struct Delete: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Removes a key; exit status 1 where there is none.")
    @Argument(help: "Number, name or pin.") var map: String
    @Argument(help: "The key.") var key: String

    func run() throws {
      try explaining {
        let opened = try OpenedMap(map)
        guard try opened.map.delete(opened.key(key)) else {
          throw Failure(report: "delete \(key) of \(opened.map.name): there is no such key")
        }
      }
    }
  }
}

/// A map of the kernel's, with what is known of its types.
private struct OpenedMap {
  let map: Map
  private let types: BTF?
  private let keyLayout, valueLayout: ValueLayout?

  init(_ text: String) throws {
    if text.contains("/") {
      map = try Map(pinnedAt: text)
    } else if let id = UInt32(text) {
      map = try Map(id: id)
    } else {
      map = try Map(id: Self.id(named: text))
    }
    let types = try map.types()
    func layout(_ type: BTF.TypeID, _ size: UInt32) -> ValueLayout? {
      guard let types, type != .void, let layout = try? ValueLayout(of: type, in: types),
        layout.byteCount == Int(size)
      else { return nil }
      return layout
    }
    keyLayout = layout(map.spec.keyType, map.spec.keySize)
    valueLayout = layout(map.spec.valueType, map.spec.valueSize)
    self.types = types
  }

  private static func id(named name: String) throws -> UInt32 {
    let maps: [MapEntry]
    do throws(SystemCallError) { maps = try LoadedObjects().maps() } catch {
      throw Failure(report: "look for the map \(name): \(error)")
    }
    let found = maps.filter { $0.name == BPF.shortened(name) }
    switch found.count {
    case 1: return found[0].id
    case 0: throw Failure(report: "there is no map \(name); 'merops list maps' shows them")
    default:
      let which = found.map { "\($0.id) (\($0.type))" }.joined(separator: ", ")
      throw Failure(report: "several maps are named \(name): \(which); say the number")
    }
  }

  func key(_ text: String) throws -> [UInt8] { try bytes(text, map.spec.keyType, Int(map.spec.keySize), "key") }

  func value(_ text: String) throws -> [UInt8] {
    let one = try bytes(text, map.spec.valueType, Int(map.spec.valueSize), "value")
    let padded = one + [UInt8](repeating: 0, count: (8 - one.count % 8) % 8)
    guard map.isPerCPU else { return one }
    return (0..<map.valueByteCount / max(padded.count, 1)).flatMap { _ in padded }
  }

  private func bytes(_ text: String, _ type: BTF.TypeID, _ count: Int, _ what: String) throws -> [UInt8] {
    do {
      return try ValueReader.bytes(
        of: text, as: types.flatMap { btf in type == .void ? nil : (btf, type) }, count: count)
    } catch { throw Failure(report: "\(what) '\(text)' of map \(map.name): \(error)") }
  }

  func printAll(json: Bool) throws {
    try map.forEachElement { key, value in
      var line: [UInt8] = []
      append(key, value, json: json, to: &line)
      line.append(UInt8(ascii: "\n"))
      try? unsafe writeAll(line.span.bytes, to: 1)
    }
  }

  func print(_ key: [UInt8], _ value: [UInt8], json: Bool) {
    var line: [UInt8] = []
    unsafe append(key.span.bytes, value.span.bytes, json: json, to: &line)
    Swift.print(String(decoding: line, as: UTF8.self))
  }

  private func append(_ key: RawSpan, _ value: RawSpan, json: Bool, to line: inout [UInt8]) {
    if json { line += Array("{\"key\":".utf8) }
    Self.append(key, keyLayout, json: json, to: &line)
    line += Array((json ? ",\"value\":" : ": ").utf8)
    if map.isPerCPU {
      let size = (Int(map.spec.valueSize) + 7) / 8 * 8
      line.append(UInt8(ascii: "["))
      for cpu in 0..<value.byteCount / max(size, 1) {
        if cpu > 0 { line += Array((json ? "," : ", ").utf8) }
        Self.append(
          value.extracting(cpu * size..<cpu * size + Int(map.spec.valueSize)), valueLayout, json: json, isPart: true,
          to: &line)
      }
      line.append(UInt8(ascii: "]"))
    } else {
      Self.append(value, valueLayout, json: json, to: &line)
    }
    if json { line.append(UInt8(ascii: "}")) }
  }

  private static func append(
    _ bytes: RawSpan, _ layout: ValueLayout?, json: Bool, isPart: Bool = false, to line: inout [UInt8]
  ) {
    let format: ValueText.Format = json ? .json : .text
    if let layout {
      ValueText(layout, format, isPart: isPart).append(bytes, to: &line)
    } else {
      ValueText.append(hexadecimal: bytes, format, to: &line)
    }
  }
}
