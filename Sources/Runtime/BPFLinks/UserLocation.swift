import ELFReading

/// A place in the code of an executable or library.
public enum UserLocation: Hashable, Sendable {
  /// A function: `malloc`, `memcpy@GLIBC_2.2.5`; an offset in bytes has to meet the start of an instruction.
  case symbol(String, offset: UInt64 = 0)
  /// In bytes from the start of the file.
  case fileOffset(UInt64)
}

extension UserLocation: CustomStringConvertible {
  public var description: String {
    switch self {
    case .symbol(let name, let offset): "\(name)+0x\(String(offset, radix: 16))"
    case .fileOffset(let offset): "0x\(String(offset, radix: 16))"
    }
  }
}

extension UserLocation {
  /// Where the place is in the file.
  func fileOffset(in file: UserFile, _ place: AttachPlace) throws(AttachError) -> UInt64 {
    switch self {
    case .fileOffset(let offset): offset
    case .symbol: try fileOffset(in: file.symbols(place), place)
    }
  }

  func fileOffset(in symbols: UserSymbols, _ place: AttachPlace) throws(AttachError) -> UInt64 {
    switch self {
    case .fileOffset(let offset): return offset
    case .symbol(let name, let offset):
      let function: UserFunction
      do throws(UserFunctionError) { function = try symbols.function(name) } catch {
        throw AttachError(place: place, reason: error.reason(name, in: symbols))
      }
      guard offset == 0 || offset < function.size || function.size == 0,
        case (let sum, false) = function.fileOffset.addingReportingOverflow(offset)
      else {
        throw AttachError(place: place, reason: .noTarget("the function has only \(function.size) bytes", hint: nil))
      }
      return sum
    }
  }
}

extension UserFunctionError {
  func reason(_ name: String, in symbols: UserSymbols) -> AttachError.Reason {
    switch self {
    case .notFound:
      let start = name.prefix(3)
      let alike = symbols.functions { $0.hasPrefix(start) || $0.hasSuffix(name.suffix(4)) }.map(\.name)
      let near = NearNames.of(name, in: Array(Set(alike)).sorted())
      return .noTarget(
        "the file has no such function",
        hint: NearNames.question(near)
          ?? "Its symbols may have been stripped, or the compiler has inlined the function; an offset in the file does."
      )
    case .noSuchVersion(let known):
      return .noTarget("the file has no such version of it", hint: "It has \(known.joined(separator: ", ")).")
    case .ambiguous(let addresses):
      return .noTarget(
        "\(addresses.count) local functions have that name",
        hint: "An offset in the file names one; they are loaded to "
          + addresses.map { "0x\(String($0, radix: 16))" }.joined(separator: ", ") + ".")
    case .indirect:
      return .noTarget(
        "it is an indirect function, whose code only chooses another, once",
        hint: "Name one of those that it chooses from, if the file has symbols for them.")
    case .notInFile(let address):
      return .noTarget("its address, 0x\(String(address, radix: 16)), is not loaded from the file", hint: nil)
    }
  }
}
