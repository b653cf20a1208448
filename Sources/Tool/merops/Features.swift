import ArgumentParser
import BPFFeatures
import FoundationEssentials
import LinuxCalls

/// `merops features`
struct Features: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "features",
    abstract: "Shows what this kernel, with these privileges, can do with BPF.",
    discussion: """
      The kernel's own types answer what they can, and the smallest programs and maps there are, loaded and closed at \
      once, the rest. Each answer is yes, no or ?, where this process is not allowed to find out.
      """)

  @Flag(help: "One JSON document.")
  var json = false
  @Option(help: "Also try every helper in programs of this type, or of 'all'; can be given several times.")
  var helpers: [String] = []
  @Option(help: "Also look for this function of the kernel (kfunc); can be given several times.")
  var kfunc: [String] = []
  @Flag(help: "Only what the answer is no or ? to, with the cause.")
  var missing = false

  func validate() throws {
    let known = FeatureReport.programTypes()
    for name in helpers where name != "all" && !known.contains(name) {
      throw ValidationError("--helpers \(name): the types of programs are \(known.joined(separator: ", ")), all.")
    }
  }

  func run() throws {
    let types = helpers.contains("all") ? FeatureReport.programTypes() : helpers
    let report = FeatureReport(helpersFor: types, kfuncs: kfunc)
    if json { return print(try Document(report).text) }
    print("Linux \(report.release)" + (report.missing.isEmpty ? "" : ", asked without \(Self.list(report.missing))"))
    for group in report.groups { print(text(of: group), terminator: "") }
    guard !missing else { return }
    print("\nsettings")
    for setting in report.settings { print("  \(setting.path) \(setting.value ?? "?"): \(setting.meaning)") }
  }

  private static func list(_ capabilities: [Capability]) -> String {
    capabilities.map(\.name).joined(separator: ", ")
  }

  /// What is there in lines of names, as most is; then the rest, together where the cause is the same.
  private func text(of group: FeatureGroup) -> String {
    let there = group.features.filter { $0.answer == .yes }.map(\.name)
    var text = "\n\(group.name): \(there.count) of \(group.features.count)\n"
    if !missing, !there.isEmpty { text += Self.wrapped(there, after: "  yes") }
    var causes: [(answer: Feature.Answer, names: [String])] = []
    for feature in group.features where feature.answer != .yes {
      if let index = causes.firstIndex(where: { $0.answer == feature.answer }) {
        causes[index].names.append(feature.name)
      } else {
        causes.append((feature.answer, [feature.name]))
      }
    }
    for (answer, names) in causes {
      switch answer {
      case .yes: break
      case .no(let cause): text += Self.wrapped(names, after: "  no ", cause)
      case .unknown(let cause): text += Self.wrapped(names, after: "  ?  ", cause)
      }
    }
    return text
  }

  private static func wrapped(_ names: [String], after mark: String, _ cause: String? = nil) -> String {
    var (text, line) = ("", mark)
    for name in names {
      if line.count + name.count + 1 > 100 {
        text += line + "\n"
        line = "     "
      }
      line += " " + name
    }
    guard let cause else { return text + line + "\n" }
    // Beside a single name, below several.
    return text + line + (names.count == 1 ? ": " : "\n        ") + cause + "\n"
  }

  /// The report with stable names.
  private struct Document: Encodable {
    struct Entry: Encodable {
      let name: String
      let number: UInt32?
      let supported: String
      let cause: String?
    }
    struct Setting: Encodable {
      let path, meaning: String
      let value: String?
    }

    let release: String
    let missingCapabilities: [String]
    let features: [String: [Entry]]
    let settings: [Setting]

    init(_ report: FeatureReport) {
      release = report.release
      missingCapabilities = report.missing.map(\.name)
      settings = report.settings.map { Setting(path: $0.path, meaning: $0.meaning, value: $0.value) }
      features = Dictionary(
        report.groups.map { group in (group.name, group.features.map(Self.entry)) },
        uniquingKeysWith: { first, _ in first })
    }

    private static func entry(_ feature: Feature) -> Entry {
      switch feature.answer {
      case .yes: Entry(name: feature.name, number: feature.number, supported: "yes", cause: nil)
      case .no(let cause): Entry(name: feature.name, number: feature.number, supported: "no", cause: cause)
      case .unknown(let cause): Entry(name: feature.name, number: feature.number, supported: "unknown", cause: cause)
      }
    }

    var text: String {
      get throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        return String(decoding: try encoder.encode(self), as: UTF8.self)
      }
    }
  }
}
