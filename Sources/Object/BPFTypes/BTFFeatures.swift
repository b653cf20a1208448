/// What kernels came to understand of BTF only with time. What an object has of it and the kernel does not know is
/// replaced before the kernel sees it.
public struct BTFFeatures: OptionSet, Hashable, Sendable {
  public let rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// `BTF_KIND_FLOAT` (5.13)
  public static let floats = BTFFeatures(rawValue: 1)
  /// `BTF_KIND_DECL_TAG` (5.16)
  public static let declarationTags = BTFFeatures(rawValue: 2)
  /// `BTF_KIND_TYPE_TAG` (5.17)
  public static let typeTags = BTFFeatures(rawValue: 4)
  /// `BTF_KIND_ENUM64`, and signed enumerations (6.0)
  public static let wideEnumerations = BTFFeatures(rawValue: 8)
  /// Data sections whose names have a `?` (6.9)
  public static let optionalSections = BTFFeatures(rawValue: 16)

  /// Each by itself.
  package static let each: [BTFFeatures] = [.floats, .declarationTags, .typeTags, .wideEnumerations, .optionalSections]
  public static let all = BTFFeatures(each)
}

extension BTF {
  /// What of ``BTFFeatures`` these types use.
  public func features() throws(BTFError) -> BTFFeatures {
    var features: BTFFeatures = []
    for id in ownTypes {
      let record = try record(TypeID(rawValue: id))
      switch record.kind {
      case .float: features.insert(.floats)
      case .declarationTag: features.insert(.declarationTags)
      case .typeTag: features.insert(.typeTags)
      case .enumeration64: features.insert(.wideEnumerations)
      case .enumeration where record.kindFlag: features.insert(.wideEnumerations)
      case .dataSection where try name(of: record).contains("?"): features.insert(.optionalSections)
      default: break
      }
    }
    return features
  }
}
