import ArgumentParser
import BPFObjectFile
import BPFRelocation
import BPFTypes
import Foundation
import GoldenObjects
import Testing

@testable import MeropsCommand

/// `merops inspect --relocated --json` against what libbpf makes of the same objects (Tests/Golden).
@Suite struct InspectTests {
  private static let names = Golden.names
  private func path(_ name: String) -> String { Golden.path(name) }

  private func plan(_ name: String, _ options: [String] = []) throws -> [String: Any] {
    let inspect = try Inspect.parse(
      [
        "--relocated", "--json", "--btf", path("kernel.btf"), "--kallsyms", path("kernel.kallsyms"), "--kconfig",
        path("kernel.config"), "--release", "6.6.7", "--version", "#1 SMP", "--ncpus", "4",
      ] + options + [path("\(name).bpf.o")])
    let json = try JSONSerialization.jsonObject(with: Data(inspect.document().json.utf8))
    return try #require(json as? [String: Any])
  }

  /// Where two documents differ; what is absent, null or empty is the same.
  private func differences(_ expected: Any?, _ found: Any?, at path: String) -> [String] {
    func isNothing(_ value: Any?) -> Bool {
      value == nil || value is NSNull || (value as? [Any])?.isEmpty ?? false
        || (value as? [String: Any])?.isEmpty ?? false
    }
    if isNothing(expected) && isNothing(found) { return [] }
    if let expected = expected as? [String: Any], let found = found as? [String: Any] {
      return Set(expected.keys).union(found.keys).sorted().flatMap {
        differences(expected[$0], found[$0], at: "\(path).\($0)")
      }
    }
    if let expected = expected as? [Any], let found = found as? [Any], expected.count == found.count {
      return expected.indices.flatMap { differences(expected[$0], found[$0], at: "\(path)[\($0)]") }
    }
    if let expected = expected as? NSObject, let found = found as? NSObject, expected == found { return [] }
    return ["\(path): expected \(expected ?? "nothing"), found \(found ?? "nothing")"]
  }

  @Test func thereAreGoldenObjects() {
    #expect(Self.names.count >= 22)
  }

  @Test(arguments: Self.names)
  func plansAreThoseOfLibbpf(name: String) throws {
    let file = try JSONSerialization.jsonObject(
      with: Data(contentsOf: Golden.directory.appending(path: "\(name).json")))
    let expected = try #require(file as? [String: Any])
    var found = try plan(name)
    // Each has its own words for what went wrong; the stage is the same.
    if var error = found["error"] as? [String: Any] {
      #expect(!(error["message"] as? String ?? "").isEmpty)
      error["message"] = nil
      found["error"] = error
    }
    let differences = differences(expected, found, at: name)
    #expect(differences.isEmpty, "\(differences.prefix(5).joined(separator: "\n"))")
  }

  @Test func aProgramCanBeLeftOutOrAttachedElsewhere() throws {
    #expect(try plan("refused-target")["ok"] as? Bool == false)
    #expect(try plan("refused-target", ["--disable", "entry"])["ok"] as? Bool == true)
    let other = try plan("refused-target", ["--attach", "entry=kernel_function"])
    let program = try #require((other["programs"] as? [[String: Any]])?.first)
    #expect(program["attach_btf_name"] as? String == "kernel_function")
  }

  @Test func aMapCanHaveOtherSizes() throws {
    let other = try plan("kinds", ["--entries", "values=9", "--value-size", "values=48"])
    let map = try #require((other["maps"] as? [[String: Any]])?.first)
    #expect(map["max_entries"] as? Int == 9)
    #expect(map["value_size"] as? Int == 48)
    #expect(throws: (any Error).self) { try plan("kinds", ["--value-size", "nothing=48"]) }
    #expect(throws: (any Error).self) { try plan("kinds", ["--value-size", "values=many"]) }
  }

  @Test func errorsNameRecordPlaceAndAccess() throws {
    let error = try #require(try plan("refused-ambiguous")["error"] as? [String: Any])
    let message = try #require(error["message"] as? String)
    for part in ["raw_tp/x", "byte 0", "struct twice.same", "4 and 8"] { #expect(message.contains(part)) }
  }

  @Test(arguments: [
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
  ])
  func digestsAreThoseOfTheStandard(text: String, digest: String) {
    #expect(SHA256.digest(Array(text.utf8)) == digest)
  }

  /// Objects and kernels with some bytes changed end in a plan or in an error. MEROPS_MUTATIONS says how many, each seed.
  @Test(arguments: [1, 2, 3, 4] as [UInt64])
  func mutationsEndInAPlanOrAnError(seed: UInt64) throws {
    var generator = Mutations(state: seed)
    let objects = try Self.names.map { Array(try Data(contentsOf: URL(filePath: path("\($0).bpf.o")))) }
    let types = Array(try Data(contentsOf: URL(filePath: path("kernel.btf"))))
    let rounds = ProcessInfo.processInfo.environment["MEROPS_MUTATIONS"].flatMap { Int($0) } ?? 1500
    var planned = 0
    for round in 0..<rounds {
      var object = objects[round % objects.count]
      var kernelTypes = types
      if round % 3 != 1 { generator.change(&object) }
      if round % 3 != 0 { generator.change(&kernelTypes) }
      guard let btf = try? BTF(bytes: kernelTypes), let spec = try? ObjectSpec(name: "m.bpf.o", bytes: object) else {
        continue
      }
      var kernel = TargetKernel()
      kernel.btf = btf
      kernel.release = "6.6.7"
      if let plan = try? LoadPlan(spec, kernel: kernel) {
        planned += 1
        _ = PlanDocument(plan, of: spec).json
      }
    }
    // Many changes do no harm, so that plans are made, too.
    #expect(planned > 0)
  }
}

/// Changes a few bytes, words or lengths of a file, the same ones for the same seed.
private struct Mutations {
  var state: UInt64

  mutating func next() -> UInt64 {
    // xorshift64
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state
  }

  mutating func change(_ bytes: inout [UInt8]) {
    let edges: [UInt32] = [0, 1, 0x7f, 0xff, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff]
    for _ in 0...Int(next() % 4) {
      let place = Int(next() % UInt64(bytes.count - 4))
      switch next() % 3 {
      case 0: bytes[place] = UInt8(truncatingIfNeeded: next())
      case 1: bytes[place] ^= 1 << UInt8(next() % 8)
      default:
        let word = edges[Int(next() % UInt64(edges.count))]
        let aligned = place & ~3
        for byte in 0..<4 { bytes[aligned + byte] = UInt8(truncatingIfNeeded: word >> (8 * UInt32(byte))) }
      }
    }
  }
}
