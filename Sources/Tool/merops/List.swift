import ArgumentParser
import BPFObjects
import FoundationEssentials
import LinuxCalls
import ObjectListing

/// `merops list`
struct List: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "Lists the programs, maps, links or types that are in the kernel now.",
    discussion: "Takes CAP_SYS_ADMIN. Who holds what is told of the processes that may be looked into.")

  enum Kind: String, CaseIterable, ExpressibleByArgument {
    case progs, maps, links, btf
  }

  @Argument(help: "What to list.")
  var kind: Kind
  @Flag(help: "One JSON object a line.")
  var json = false

  func run() throws {
    do throws(SystemCallError) {
      let objects = LoadedObjects()
      switch kind {
      case .progs: show(try objects.programs(), Self.table)
      case .maps: show(try objects.maps(), Self.table)
      case .links: show(try objects.links(), Self.table)
      case .btf: show(try objects.typeSets(), Self.table)
      }
    } catch {
      let needs = error.errno == .notPermitted ? "\nTo list what is loaded takes CAP_SYS_ADMIN: run it as root." : ""
      throw Failure(report: "list \(kind.rawValue): \(error)" + needs)
    }
  }

  private func show<Entry: Encodable>(_ entries: [Entry], _ table: ([Entry]) -> TextTable) {
    guard json else { return print(table(entries).text, terminator: "") }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    for entry in entries {
      // Numbers and strings only, which cannot fail.
      if let line = try? encoder.encode(entry) { print(String(decoding: line, as: UTF8.self)) }
    }
  }

  private static func names(_ holders: [Holder]) -> String {
    holders.map { "\($0.command)(\($0.pid))" }.joined(separator: " ")
  }

  private static func table(_ entries: [ProgramEntry]) -> TextTable {
    var table = TextTable(
      ["ID", "TYPE", "NAME", "FOR", "AGE", "UID", "BYTES", "MAPS", "RUNS", "HELD BY"], rightAligned: [0, 4, 5, 6, 8])
    for entry in entries {
      table.append([
        "\(entry.id)", entry.type, entry.name, entry.attachTarget ?? "", duration(entry.age), "\(entry.uid)",
        "\(entry.jited == 0 ? entry.translated : entry.jited)", entry.mapIds.map(String.init).joined(separator: ","),
        entry.runs.map(String.init) ?? "", names(entry.holders),
      ])
    }
    return table
  }

  private static func table(_ entries: [MapEntry]) -> TextTable {
    var table = TextTable(
      ["ID", "TYPE", "NAME", "KEY", "VALUE", "ENTRIES", "FLAGS", "HELD BY"], rightAligned: [0, 3, 4, 5, 6])
    for entry in entries {
      table.append([
        "\(entry.id)", entry.type, entry.name, "\(entry.keySize)", "\(entry.valueSize)", "\(entry.maxEntries)",
        entry.flags == 0 ? "" : "0x" + String(entry.flags, radix: 16), names(entry.holders),
      ])
    }
    return table
  }

  private static func table(_ entries: [LinkEntry]) -> TextTable {
    var table = TextTable(["ID", "TYPE", "PROG", "NAME", "ATTACHED TO", "HELD BY"], rightAligned: [0, 2])
    for entry in entries {
      table.append([
        "\(entry.id)", entry.type, "\(entry.programId)", entry.programName ?? "", entry.target ?? "",
        names(entry.holders),
      ])
    }
    return table
  }

  private static func table(_ entries: [TypesEntry]) -> TextTable {
    var table = TextTable(["ID", "NAME", "BYTES", "HELD BY"], rightAligned: [0, 2])
    for entry in entries {
      table.append(["\(entry.id)", entry.name, "\(entry.size)", names(entry.holders)])
    }
    return table
  }

  /// `12s`, `3m`, `5h`, `9d`
  private static func duration(_ seconds: Double) -> String {
    let units: [(Double, String)] = [(86400, "d"), (3600, "h"), (60, "m")]
    for (length, unit) in units where seconds >= 2 * length { return "\(Int(seconds / length))\(unit)" }
    return "\(Int(seconds))s"
  }
}
