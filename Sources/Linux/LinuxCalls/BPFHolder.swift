/// A process that has a map, program, link or BTF open.
package struct BPFHolder: Hashable, Sendable {
  package let pid: Int32
  package let command: String

  /// Who holds what, by the kind's name in /proc/PID/fdinfo (`prog_id`, `map_id`, `link_id`, `btf_id`) and the number. One
  /// pass over the descriptors of all processes that may be looked into.
  package static func all() -> [String: [UInt32: [BPFHolder]]] {
    var all: [String: [UInt32: [BPFHolder]]] = [:]
    for pid in processIdentifiers() {
      var holder: BPFHolder?
      for descriptor in entries(ofDirectory: "/proc/\(pid)/fdinfo") {
        guard let text = try? contents(ofFile: "/proc/\(pid)/fdinfo/\(descriptor)") else { continue }
        for (kind, id) in numbers(in: String(decoding: text, as: UTF8.self)) {
          let known = holder ?? BPFHolder(pid: pid, command: command(of: pid))
          holder = known
          if all[kind]?[id]?.last != known { all[kind, default: [:]][id, default: []].append(known) }
        }
      }
    }
    return all
  }

  /// A link's file tells its program's number, too, which it keeps alive.
  private static func numbers(in text: String) -> [(kind: String, id: UInt32)] {
    text.split(separator: "\n").compactMap { line in
      let words = line.split(separator: "\t")
      guard words.count == 2, words[0].hasSuffix("_id:"), let id = UInt32(words[1]) else { return nil }
      let kind = words[0].dropLast()
      return ["prog_id", "map_id", "link_id", "btf_id"].contains(kind) ? (String(kind), id) : nil
    }
  }

  private static func command(of pid: Int32) -> String {
    let text = (try? contents(ofFile: "/proc/\(pid)/comm")).map { String(decoding: $0, as: UTF8.self) } ?? "?"
    return text.split(separator: "\n").joined()
  }
}

extension BPFHolder: CustomStringConvertible {
  package var description: String { "\(command) (pid \(pid))" }
}
