/// Which type the records of a ring have, which BTF does not say: the ring's definition has no room for it.
///
/// What decides is the length of a record: structures of that length are looked for among the object's types that are not
/// the kernel's, and one whose name says that it is an event is taken, or else the only one there is.
public struct EventTypes: Sendable {
  public enum Choice: Sendable {
    case layout(ValueLayout, name: String)
    /// None or several, by name.
    case undecided([String])
  }

  private let btf: BTF
  /// By size in bytes, in the order of their ids.
  private let structures: [Int: [(id: BTF.TypeID, name: String)]]
  private let chosen: [String: String]

  /// - Parameters:
  ///   - kernel: whose structures the object only looks into.
  ///   - chosen: names of structures by ring, which decide where they are given.
  public init(_ btf: BTF, kernel: BTF? = nil, chosen: [String: String] = [:]) throws(BTFError) {
    self.btf = btf
    self.chosen = chosen
    var structures: [Int: [(BTF.TypeID, String)]] = [:]
    for number in btf.ownTypes {
      let record = try btf.record(BTF.TypeID(rawValue: number))
      guard record.kind == .structure else { continue }
      let name = try btf.name(of: record)
      if !name.isEmpty { structures[record.size, default: []].append((record.id, name)) }
    }
    let names = structures.values.joined().map(\.1)
    if let kernel, !names.isEmpty {
      let found = zip(names, try kernel.types(named: names, flavours: false))
      let known = Set(found.filter { !$0.1.isEmpty }.map(\.0)).subtracting(chosen.values)
      structures = structures.mapValues { $0.filter { !known.contains($0.1) } }.filter { !$0.value.isEmpty }
    }
    self.structures = structures
  }

  /// - Parameters:
  ///   - ring: the map's name.
  ///   - byteCount: the record's length.
  ///   - padding: how many bytes of that may be no part of the event: up to 7 in a perf ring.
  public func choice(ring: String, byteCount: Int, padding: Int = 0) -> Choice {
    if let name = chosen[ring] {
      for candidate in structures.values.joined() where candidate.name == name {
        if let layout = try? ValueLayout(of: candidate.id, in: btf) { return .layout(layout, name: name) }
      }
      return .undecided([])
    }
    for size in stride(from: byteCount, through: max(1, byteCount - padding), by: -1) {
      guard let candidates = structures[size] else { continue }
      let singular = ring.hasSuffix("s") ? String(ring.dropLast()) : ring
      let namesakes = candidates.filter { $0.name == singular }
      let events = candidates.filter { $0.name.lowercased().contains("event") }
      let best = [candidates, namesakes, events].first { $0.count == 1 }?[0]
      if let best, let layout = try? ValueLayout(of: best.id, in: btf) { return .layout(layout, name: best.name) }
      return .undecided(candidates.map(\.name))
    }
    return .undecided([])
  }
}
