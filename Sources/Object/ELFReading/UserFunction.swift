/// A function of an executable or library, as one of its symbol tables tells.
public struct UserFunction: Hashable, Sendable {
  public let name: String
  /// As in `memcpy@GLIBC_2.14`; `nil` for one without.
  public let version: String?
  /// Whether it is the version that new programs are linked to.
  public let isDefaultVersion: Bool
  /// Where the program headers load it to.
  public let address: UInt64
  /// In bytes; 0 where it is not known.
  public let size: UInt64
  /// Where its code lies in the file.
  public let fileOffset: UInt64
  /// Whether other files may not use it: the name need not be the only one.
  public let isLocal: Bool
}

/// A function that could not be found.
public enum UserFunctionError: Error, Hashable, Sendable {
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
