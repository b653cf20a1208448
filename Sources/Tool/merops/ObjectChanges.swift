import ArgumentParser
import BPFObjectFile

/// What is changed of an object before anything is made of it.
struct ObjectChanges: ParsableArguments {
  @Option(help: "Leave a program out.")
  var disable: [String] = []
  @Option(help: "PROGRAM=TARGET: what the program attaches to.")
  var attach: [String] = []
  @Option(help: "PROGRAM=NUMBER: the program's type (enum bpf_prog_type).")
  var type: [String] = []
  @Option(help: "NAME=VALUE: what a variable begins as; members and elements too (config.ports[2]=443).")
  var set: [String] = []
  @Option(help: "MAP=NUMBER: how many entries the map has room for.")
  var entries: [String] = []
  @Option(help: "MAP=BYTES: how large the map's values are.")
  var valueSize: [String] = []

  func validate() throws {
    for assignment in attach + type + set + entries + valueSize where !assignment.contains("=") {
      throw ValidationError("'\(assignment)': write NAME=VALUE.")
    }
  }

  func apply(to spec: inout ObjectSpec) throws(ValidationError) {
    for (path, value) in set.map(Self.split) {
      do { try spec.set(path, toText: value) } catch { throw ValidationError("--set \(error).") }
    }
    for (option, changes, field) in [
      ("entries", entries, \MapSpec.maxEntries), ("value-size", valueSize, \.valueSize),
    ] {
      for (name, value) in changes.map(Self.split) {
        guard let index = spec.mapIndex(name), let number = UInt32(value) else {
          let known = spec.maps.map(\.name).joined(separator: ", ")
          throw ValidationError("--\(option) \(name)=\(value): write MAP=NUMBER; the object has the maps \(known).")
        }
        spec.maps[index][keyPath: field] = number
      }
    }
    for name in disable { spec.programs[try Self.program(name, in: spec)].isWanted = false }
    for (name, target) in attach.map(Self.split) { spec.programs[try Self.program(name, in: spec)].target = target }
    for (name, value) in type.map(Self.split) {
      guard let number = UInt32(value) else {
        throw ValidationError("--type \(name)=\(value): a program type is a number (enum bpf_prog_type).")
      }
      spec.programs[try Self.program(name, in: spec)].become(ProgramType(rawValue: number))
    }
  }

  private static func split(_ assignment: String) -> (name: String, value: String) {
    let parts = assignment.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    return (parts[0], parts.count > 1 ? parts[1] : "")
  }

  private static func program(_ name: String, in spec: ObjectSpec) throws(ValidationError) -> Int {
    guard let index = spec.programIndex(name) else {
      let known = spec.programs.map(\.name)
      throw ValidationError("The object has no program \(name); it has \(known.joined(separator: ", ")).")
    }
    return index
  }
}
