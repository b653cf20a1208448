public import BPFTypes

/// An object file that cannot be read.
public struct ObjectFileError: Error, Hashable, Sendable {
  public enum Reason: Hashable, Sendable {
    case notELF(String)
    case otherMachine(UInt16)
    /// `offset` in bytes from the start of the file.
    case truncated(offset: Int)
    case badSectionTable
    case badSection(index: Int, offset: Int)
    case noSymbols
    case badRelocation(String)
    /// A function whose place or size is not one of whole instructions in its section.
    case badFunction(name: String)
    case staticProgram(name: String)
    case badLicense
    case missingBTF(neededFor: String)
    case badBTF(section: String, BTFError)
    case badMap(name: String, String)
    case badExtern(name: String, String)
    case noSuchVariable(name: String, known: [String])
    case noSuchFunction(name: String, known: [String])
    case badAssignment(path: String, value: String, String)
    case badValue(variable: String, byteCount: Int, given: Int)
  }

  /// Where in the file.
  public struct Place: Hashable, Sendable {
    public let section: String
    /// Counts the records of the section, or the variables or symbols, from 0.
    public let record: Int?
    /// In bytes from the start of the section.
    public let offset: Int
  }

  public let reason: Reason
  public let place: Place?

  public init(_ reason: Reason, at place: Place? = nil) {
    self.reason = reason
    self.place = place
  }

  /// The same error with a place, if it has none yet.
  func located(at place: Place) -> ObjectFileError { self.place == nil ? ObjectFileError(reason, at: place) : self }
}

extension ObjectFileError: CustomStringConvertible {
  public var description: String {
    guard let place else { return what }
    let record = place.record.map { ", record \($0)" } ?? ""
    return "\(what) (section \(place.section)\(record), byte \(place.offset))"
  }

  private var what: String {
    switch reason {
    case .notELF(let why): "this is no BPF object file: \(why)"
    case .otherMachine(let machine): "this object is for another machine (ELF machine \(machine)), not for BPF (247)"
    case .truncated(let offset): "the file ends too early, at byte \(offset)"
    case .badSectionTable: "the ELF section table is damaged"
    case .badSection(let index, let offset):
      "ELF section \(index) reaches beyond the file (its header is at byte \(offset))"
    case .noSymbols: "the object has no readable symbol table; it may have been stripped"
    case .badRelocation(let why): "a relocation cannot be used: \(why)"
    case .badFunction(let name): "function \(name) does not consist of whole instructions inside of its section"
    case .staticProgram(let name): "program \(name) is a static function, which nothing could load; make it global"
    case .badLicense: "the license section is no C string"
    case .missingBTF(let what): "the object has no BTF, which \(what) needs: compile it with -g"
    case .badBTF(let section, let error): "section \(section) \(error)"
    case .badMap(let name, let why): "map \(name): \(why)"
    case .badExtern(let name, let why): "extern \(name): \(why)"
    case .noSuchVariable(let name, let known):
      "the object has no variable \(name); it has \(known.isEmpty ? "none" : known.joined(separator: ", "))"
    case .noSuchFunction(let name, let known):
      "the object has no function \(name) that others call; it has "
        + (known.isEmpty ? "none" : known.joined(separator: ", "))
    case .badAssignment(let path, let value, let why): "\(path) = \(value): it \(why)"
    case .badValue(let variable, let byteCount, let given):
      "variable \(variable) takes \(byteCount) bytes, but \(given) were given"
    }
  }
}
