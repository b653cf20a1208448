/// A function of an executable or library, as one of its symbol tables tells.
package struct UserFunction: Hashable, Sendable {
  package let name: String
  /// As in `memcpy@GLIBC_2.14`; `nil` for one without.
  package let version: String?
  /// Whether it is the version that new programs are linked to.
  package let isDefaultVersion: Bool
  /// Where the program headers load it to.
  package let address: UInt64
  /// In bytes; 0 where it is not known.
  package let size: UInt64
  /// Where its code lies in the file.
  package let fileOffset: UInt64
  /// Whether other files may not use it: the name need not be the only one.
  package let isLocal: Bool
}

/// A function that could not be found.
package enum UserFunctionError: Error, Hashable, Sendable {
  /// Neither symbol table has it.
  case notFound
  /// Others of the name are there, with these versions.
  case noSuchVersion(known: [String])
  /// Local functions of one name.
  case ambiguous(addresses: [UInt64])
  /// `STT_GNU_IFUNC`: the symbol's code only chooses another function, once.
  case indirect
  /// The address is in no part that is loaded from the file.
  case notInFile(address: UInt64)
}
