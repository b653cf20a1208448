import ByteReading
import Glibc
import LinuxCalls
import Testing

@testable import ELFReading

@Suite struct UserSymbolsTests {
  /// Reads a file held in memory, and counts what was asked for.
  private final class Image {
    let bytes: [UInt8]
    private(set) var asked = 0
    init(_ bytes: [UInt8]) { self.bytes = bytes }

    func read(_ range: Range<Int>) throws(ELFError) -> SharedBytes {
      precondition(range.lowerBound >= 0 && range.upperBound <= bytes.count, "outside of the file")
      asked += range.count
      return SharedBytes(Array(bytes[range]))
    }

    func symbols() throws(ELFError) -> UserSymbols {
      try UserSymbols(byteCount: bytes.count) { (range) throws(ELFError) in try read(range) }
    }
  }

  private static func image(_ path: String) throws -> Image { Image(try contents(ofFile: path)) }

  /// What files lie in this process' memory, and where.
  private static func maps() throws -> [(path: String, start: UInt64, end: UInt64)] {
    String(decoding: try contents(ofFile: "/proc/self/maps"), as: UTF8.self).split(separator: "\n").compactMap { line in
      let fields = line.split(separator: " ")
      let bounds = fields[0].split(separator: "-").compactMap { UInt64($0, radix: 16) }
      return fields.count > 5 ? (path: String(fields[5]), start: bounds[0], end: bounds[1]) : nil
    }
  }

  private static func zlib() throws -> Image {
    try image(#require(maps().first { $0.path.contains("/libz.so") }).path)
  }

  /// The loaded library that has a function, and where in its memory.
  private static func loaded(_ function: String) throws -> (path: String, distance: UInt64) {
    let address = UInt64(UInt(bitPattern: try unsafe #require(dlsym(nil, function))))
    let maps = try maps()
    let holder = try #require(maps.first { $0.start <= address && address < $0.end })
    // A library's first mapping begins at its address 0.
    let base = try #require(maps.filter { $0.path == holder.path }.map(\.start).min())
    return (holder.path, address - base)
  }

  @Test(arguments: ["getppid", "malloc_usable_size", "free"])
  func findsWhatTheLoaderFinds(function: String) throws {
    let (path, distance) = try Self.loaded(function)
    let image = try Self.image(path)
    let found = try image.symbols().function(function)
    #expect(found.address == distance)
    #expect(found.isDefaultVersion)
    #expect(found.version != nil)
    // The bytes in the file are those that were loaded.
    let code = try unsafe #require(dlsym(nil, function))
    let memory = unsafe Array(UnsafeRawBufferPointer(start: code, count: 8))
    #expect(Array(image.bytes[Int(found.fileOffset)..<Int(found.fileOffset) + 8]) == memory)
    #expect(image.asked < image.bytes.count / 2, "only tables are read")
  }

  @Test func knowsVersions() throws {
    let symbols = try Self.image(Self.loaded("getppid").path).symbols()
    let version = try #require(symbols.function("getppid").version)
    #expect(try symbols.function("getppid@\(version)") == symbols.function("getppid"))
    #expect(throws: UserFunctionError.noSuchVersion(known: [version])) {
      _ = try symbols.function("getppid@NO_SUCH")
    }
    #expect(throws: UserFunctionError.notFound) { _ = try symbols.function("getppi") }
    // What the loader would choose by the machine is no place for a probe.
    #expect(throws: UserFunctionError.indirect) { _ = try symbols.function("strlen") }
    #if arch(x86_64)
      #expect(throws: UserFunctionError.indirect) { _ = try symbols.function("memcpy") }
      #expect(try !symbols.function("memcpy@GLIBC_2.2.5").isDefaultVersion)
    #endif
  }

  @Test func findsFunctionsByTheirNames() throws {
    let symbols = try Self.image(Self.loaded("getppid").path).symbols()
    let found = symbols.functions { $0 == "getppid" || $0 == "getegid" || $0 == "__getegid" }
    #expect(Set(found.map(\.name)).isSuperset(of: ["getppid"]))
    #expect(Set(found.map(\.fileOffset)).count == found.count)
    // This process' own, which the linker gives no dynamic symbol.
    let own = try Self.image("/proc/self/exe").symbols()
    #expect(!own.functions { $0.contains("findsFunctionsByTheirNames") }.isEmpty)
  }

  @Test func refusesOtherFiles() throws {
    #expect(throws: ELFError.notELF("it does not begin with an ELF header")) { _ = try Image([]).symbols() }
    #expect(throws: ELFError.notELF("it does not begin with an ELF header")) {
      _ = try Image(Array("/* GNU ld script */ GROUP ( libc.so.6 )".utf8)).symbols()
    }
    var image = try Self.zlib().bytes
    image[16] = 1
    #expect(throws: ELFError.notELF("it is neither an executable nor a library")) { _ = try Image(image).symbols() }
    image[5] = 2
    #expect(throws: ELFError.notELF("it is not little-endian")) { _ = try Image(image).symbols() }
  }

  @Test func readsFilesOf32Bits() throws {
    let image = Image(SmallLibrary.bytes)
    let found = try image.symbols().function("probe")
    #expect(found.address == 0x1010)
    #expect(found.fileOffset == 0x90)
    #expect(found.isLocal == false)
    #expect(try !image.symbols().tables.is64Bit)
  }

  /// Whatever a file says, reading it ends, and stays within the file.
  @Test func mutatedFilesAreReadOrRefused() throws {
    var random = SeededGenerator()
    let library = try Self.zlib().bytes
    let tables = try Image(library).symbols().tables
    let places =
      [0..<64]
      + tables.sections.filter { [2, 3, 11, 0x6fff_ffff, 0x6fff_fffd].contains($0.type) }
      .map { Int($0.offset)..<Int($0.offset + $0.size) }
      + [library.count - tables.sections.count * 64..<library.count]
    for round in 0..<600 {
      var bytes = round % 3 == 0 ? SmallLibrary.bytes : library
      let place = round % 3 == 0 ? 0..<bytes.count : places.randomElement(using: &random)!
      for _ in 0..<Int.random(in: 1...6, using: &random) where !place.isEmpty {
        bytes[Int.random(in: place, using: &random)] = [
          0, 1, 0x7f, 0x80, 0xff, UInt8.random(in: 0...255, using: &random),
        ]
        .randomElement(using: &random)!
      }
      if round % 5 == 0 { bytes.removeLast(Int.random(in: 0..<bytes.count, using: &random)) }
      guard let symbols = try? Image(bytes).symbols() else { continue }
      _ = try? symbols.function("zlibVersion@ZLIB_1.2.3")
      _ = try? symbols.function("probe")
      _ = symbols.functions { $0.hasPrefix("z") }
    }
  }

  @Test func everyPrefixIsReadOrRefused() {
    for count in 0..<SmallLibrary.bytes.count {
      #expect(throws: ELFError.self) { _ = try Image(Array(SmallLibrary.bytes[..<count])).symbols() }
    }
  }
}

private struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64 = 4

  mutating func next() -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return state ^ state >> 29
  }
}

/// A library of 32 bits with one function, byte by byte.
private enum SmallLibrary {
  static let bytes: [UInt8] = {
    var bytes: [UInt8] = []
    func half(_ value: Int) { bytes += [UInt8(value & 255), UInt8(value >> 8 & 255)] }
    func word(_ value: Int) {
      half(value & 0xffff)
      half(value >> 16)
    }
    // Header: 52 bytes; one program header at 52, 32 bytes; symbols at 84, 32 bytes; names at 116, 12 bytes; code at 0x90.
    bytes = [0x7f, 0x45, 0x4c, 0x46, 1, 1, 1] + [UInt8](repeating: 0, count: 9)
    half(3)
    half(3)
    for value in [1, 0, 52, 0xa0, 0] { word(value) }
    for value in [52, 32, 1, 40, 4, 3] { half(value) }
    for value in [1, 0x80, 0x1000, 0x1000, 0x20, 0x20, 5, 0x1000] { word(value) }
    for value in [0, 0, 0, 0] { word(value) }
    for value in [1, 0x1010, 4] { word(value) }
    bytes += [0x12, 0]
    half(1)
    bytes += Array("\0probe\0.text\0".utf8) + [UInt8](repeating: 0, count: 0xa0 - 129)
    func section(_ type: Int, _ offset: Int, _ size: Int, link: Int = 0, record: Int = 0) {
      for value in [0, type, 0, 0, offset, size, link, 0, 1, record] { word(value) }
    }
    section(0, 0, 0)
    section(1, 0x90, 0x10)
    section(2, 84, 32, link: 3, record: 16)
    section(3, 116, 13)
    return bytes
  }()
}
