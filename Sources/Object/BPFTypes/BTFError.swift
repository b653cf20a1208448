/// BTF or .BTF.ext that cannot be read.
public struct BTFError: Error, Hashable, Sendable {
  public enum Reason: Hashable, Sendable {
    case badMagic, unknownVersion, badHeader, badStrings, truncated, tooDeep, tooLarge, noSize, noSuchType, tooComplex
    case unknownKind(UInt8)
    case badStringOffset(UInt32)
    case badRecordSize(UInt32)
    case unknownRelocation(UInt32)
  }

  public let reason: Reason
  /// In bytes from the start of the section.
  public let offset: Int
  /// The number of the type that was read, where it was one.
  public let type: Int?

  package init(_ reason: Reason, at offset: Int, type: Int? = nil) {
    self.reason = reason
    self.offset = offset
    self.type = type
  }
}

extension BTFError: CustomStringConvertible {
  public var description: String {
    let what =
      switch reason {
      case .badMagic: "does not begin with BTF's magic number 0xeb9f (a big-endian object begins with its reverse)"
      case .unknownVersion: "has another version than 1"
      case .badHeader: "has a header that points outside of it"
      case .badStrings: "has a string section that does not begin and end with a NUL"
      case .truncated: "ends in the middle of a record"
      case .tooDeep: "has types that refer to each other more than \(BTF.depthLimit) times"
      case .tooLarge: "has a type larger than memory"
      case .tooComplex: "has types that take more work to follow than any real ones"
      case .noSize: "has a type without a size where one is needed"
      case .noSuchType: "refers to a type that it does not have"
      case .unknownKind(let kind): "has a type of the unknown kind \(kind)"
      case .badStringOffset(let offset): "refers to a string at \(offset), outside of its strings"
      case .unknownRelocation(let kind): "has a CO-RE relocation of the unknown kind \(kind)"
      case .badRecordSize(let size): "has records of \(size) bytes, too small or not a multiple of 4"
      }
    return what + (type.map { " (type \($0)" } ?? " (") + "\(type == nil ? "" : ", ")byte \(offset))"
  }
}

/// How many steps may be taken through types that refer to each other. Real ones take some hundred; what a made-up BTF
/// wants can double with every level.
package struct BTFStepLimit {
  private var left: Int

  package init(_ count: Int) { left = count }

  package mutating func take(_ count: Int = 1) throws(BTFError) {
    left -= count
    guard left >= 0 else { throw BTFError(.tooComplex, at: 0) }
  }
}
