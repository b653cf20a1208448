import BPFObjectFile
import GoldenObjects
import Testing

/// Tests/Golden/sections.txt has the section names of the libbpf in Linux 7.2: name, program type, attach type, and
/// whether programs are sleepable, attached by type, with fragments.
@Suite struct ProgramSectionTests {
  @Test func everyNameMeansWhatItMeansToLibbpf() throws {
    let rows = try Golden.text("sections.txt").split(separator: "\n").map { $0.split(separator: " ") }
    #expect(rows.count == 116)
    for row in rows {
      let takesTarget = row[0].hasSuffix("+")
      let base = takesTarget ? String(row[0].dropLast()) : String(row[0])
      for name in takesTarget ? [base, base + "/some/target", "?" + base] : [base, "?" + base] {
        let section = ProgramSection(name: name)
        #expect(section.isKnown, "\(name)")
        #expect("\(section.type.rawValue)" == row[1], "\(name)")
        // Libbpf decides on USDT by the kernel; a plan does.
        if base.hasPrefix("usdt") {
          #expect(section.expectedAttachType == .traceUprobeMulti)
        } else {
          #expect("\(section.expectedAttachType.rawValue)" == row[2], "\(name)")
        }
        #expect(section.flags.contains(.sleepable) == row[3].contains("s"), "\(name)")
        #expect(section.attachesByType == row[3].contains("b"), "\(name)")
        #expect(section.flags.contains(.xdpHasFragments) == row[3].contains("f"), "\(name)")
        #expect(section.isOptional == name.hasPrefix("?"))
      }
      if !takesTarget {
        #expect(!ProgramSection(name: base + "/more").isKnown || rows.contains { $0[0] == base + "/more" })
      }
    }
    #expect(!ProgramSection(name: "anything").isKnown)
  }
}
