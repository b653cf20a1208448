/// An access to memory that was refused.
package struct BadAccess: Error, Hashable, Sendable {
  package enum Kind: Hashable, Sendable { case load, store }
  package enum Reason: Hashable, Sendable {
    /// No region has the address: a number that is no pointer, or a pointer to what is gone.
    case noRegion
    case outside(of: Place, byteCount: Int)
    case readOnly(Place)
    /// The context has no such member, or not in this size.
    case noMember
  }
  /// Where an address points.
  package enum Place: Hashable, Sendable {
    case context, packet
    /// By the depth of its function, 0 for the program's own.
    case stackFrame(Int)
    /// A map, its values, a record: by the number of its region.
    case region(Int)
  }

  package let kind: Kind
  package let address: ProgramAddress
  /// In bytes.
  package let size: Int
  package let reason: Reason
}

extension BadAccess.Place {
  init(_ region: Int) {
    self =
      switch region {
      case KnownRegion.context: .context
      case KnownRegion.packet: .packet
      case KnownRegion.stack..<KnownRegion.other: .stackFrame(region - KnownRegion.stack)
      default: .region(region)
      }
  }
}

extension BadAccess.Place: CustomStringConvertible {
  package var description: String {
    switch self {
    case .context: "the context"
    case .packet: "the packet"
    case .stackFrame(let depth): "stack frame \(depth)"
    case .region(let number): "region \(number)"
    }
  }
}

extension BadAccess: CustomStringConvertible {
  package var description: String {
    let what = "a \(kind) of \(size) bytes at "
    return switch reason {
    case .noRegion: what + "0x" + String(address.rawValue, radix: 16) + ", where nothing is"
    case .outside(let place, let byteCount):
      what + "\(address.nearest.offset) of \(place), which has \(byteCount) bytes"
    case .readOnly(let place): what + "\(address.nearest.offset) of \(place), which is read-only"
    case .noMember: what + "\(address.nearest.offset) of the context, which has no such member"
    }
  }
}
