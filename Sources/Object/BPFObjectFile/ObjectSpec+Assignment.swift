import BPFTypes

// Variables set by what somebody wrote: `targ_pid`, `config.ports[2]`.
extension ObjectSpec {
  /// Sets a variable, or a part of one, to a value that is written as C would have it: a number (also hexadecimal or
  /// negative), `true` or `false`, an enumerator's name, for an array of characters a text.
  /// - Parameter path: a variable's name, then members and indices.
  /// - Throws: `ObjectFileError` naming the variable, its type and what does not fit.
  public mutating func set(_ path: String, toText text: String) throws(ObjectFileError) {
    let name = String(path.prefix { $0 != "." && $0 != "[" })
    guard let variable = variables.first(where: { $0.name == name }), let map = mapIndex(variable.map) else {
      throw ObjectFileError(.noSuchVariable(name: name, known: variables.map(\.name)))
    }
    guard let btf else { throw ObjectFileError(.missingBTF(neededFor: "setting the variable \(name)")) }
    let reader = ValueReader(path: path, text: text, btf: btf)
    let (type, offset) = try reader.part(of: variable.type, path.dropFirst(name.count))
    let bytes = try reader.bytes(of: type)
    let place = variable.offset + offset
    guard bytes.count <= variable.size - offset, offset >= 0, place + bytes.count <= Int(maps[map].valueSize) else {
      throw reader.fail("lies outside of the variable")
    }
    maps[map].replaceContents(at: place, with: bytes)
  }
}
