/// A CO-RE relocation as the compiler wrote it: `struct bpf_core_relo` (include/uapi/linux/bpf.h).
public struct CORERecord: Hashable, Sendable {
  /// What of the type is wanted: `enum bpf_core_relo_kind`.
  public enum Kind: UInt32, Sendable, CaseIterable {
    case fieldByteOffset, fieldByteSize, fieldExists, fieldSigned, fieldLeftShift, fieldRightShift
    case localTypeID, targetTypeID, typeExists, typeSize
    case enumeratorExists, enumeratorValue
    case typeMatches

    package var isOfField: Bool { rawValue <= Kind.fieldRightShift.rawValue }
    package var isOfEnumerator: Bool { self == .enumeratorExists || self == .enumeratorValue }
  }

  /// In bytes from the start of the ELF section, or of the function once that has been cut out.
  public let instructionOffset: Int
  /// The type that the access begins at, in the object's BTF.
  public let type: BTF.TypeID
  /// Indices separated by colons: `0:1:2`.
  public let access: String
  public let kind: Kind
  /// The record's place among those of its section.
  public let number: Int

  package func moved(toStartAt offset: Int) -> CORERecord {
    CORERecord(
      instructionOffset: instructionOffset - offset, type: type, access: access, kind: kind, number: number)
  }
}
