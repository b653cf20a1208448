/// What an ELF file has otherwise than it should.
package enum ELFError: Error, Hashable, Sendable {
  /// What it is instead, in words.
  case notELF(String)
  /// A table or section that does not lie within the file, or whose records have another size.
  case badTable(String)
  /// A section that nobody would want in memory.
  case tooLarge(String, byteCount: Int)
  /// The bytes did not come: in words.
  case unreadable(String)
}

extension ELFError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .notELF(let what): "is no ELF file that can be read: \(what)"
    case .badTable(let table): "has a broken \(table)"
    case .tooLarge(let table, let byteCount): "has a \(table) of \(byteCount) bytes, more than will be read"
    case .unreadable(let reason): "cannot be read: \(reason)"
    }
  }
}
