import BPFObjectFile
import BPFRelocation
import BPFTypes
import Foundation
import GoldenObjects
import ObjectListing
import Testing

@Suite struct ListingTests {
  private func object(_ name: String) throws -> ObjectSpec {
    try ObjectSpec(name: "\(name).bpf.o", bytes: Golden.bytes("\(name).bpf.o"))
  }

  @Test(
    arguments: [
      ("field-offset", ["byte offset of struct task___flavoured.inner.links.next", "CO-RE: byte offset of"]),
      (
        "linking",
        [
          "call of shared", "call pc", "(85) call bpf_for_each_map_elem#164", "subprog <callback>", "; ",
          "@ linking.bpf.c:",
        ]
      ),
      ("maps", ["hash", "pinned by name", "of array"]), ("externs", ["kernel setting", "kernel function", "weak"]),
      ("variables", ["const volatile enum choice chosen", "= 2"]),
      ("targets", ["attach type trace_fentry", "sleepable"]),
    ] as [(String, [String])])
  func aListingHasEveryPart(name: String, parts: [String]) throws {
    let text = ObjectListing(try object(name), file: "\(name).bpf.o").text(Set(ObjectListing.Part.allCases))
    for part in parts { #expect(text.contains(part), "\(part)\n\(text)") }
  }

  @Test(arguments: Golden.names)
  func everyObjectThatCanBeReadCanBeShown(name: String) throws {
    guard let object = try? object(name) else { return }
    let listing = ObjectListing(object, file: name)
    for part in ObjectListing.Part.allCases { _ = listing.text([part]) }
    let json = try JSONSerialization.jsonObject(with: JSONEncoder().encode(listing))
    let document = try #require(json as? [String: Any])
    #expect((document["programs"] as? [Any])?.count == object.programs.count)
    #expect((document["sections"] as? [Any])?.count == object.sections.count - 1)
    let functions = try #require(document["functions"] as? [[String: Any]])
    #expect(functions.count == object.programs.count + object.subprograms.count)
    #expect(functions.allSatisfy { !(($0["code"] as? [Any]) ?? []).isEmpty })
  }

  @Test func aPlanShowsWhatTheKernelHasInstead() throws {
    var kernel = TargetKernel()
    kernel.btf = try BTF(bytes: Golden.bytes("kernel.btf"))
    let object = try object("field-offset")
    let plan = try LoadPlan(object, kernel: kernel)
    let text = PlanListing(plan, of: object).text(Set(ObjectListing.Part.allCases))
    for part in ["BPF_BTF_LOAD: ", "BPF_PROG_LOAD", " → ", "CO-RE relocations"] {
      #expect(text.contains(part), "\(text)")
    }
    let poison = try self.object("poison")
    let poisoned = PlanListing(try LoadPlan(poison, kernel: kernel), of: poison).text([.code])
    #expect(poisoned.contains("the kernel has none: not to be reached"))
    #expect(poisoned.contains("call unknown#195896080"))
  }

  @Test func oneFunctionCanBeChosen() throws {
    let text = ObjectListing(try object("linking"), file: "x").text([.code], only: ["shared"])
    #expect(text.hasPrefix("shared in section .text"))
    #expect(!text.contains("concealed in section"))
  }
}
