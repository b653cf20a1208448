/// An address as interpreted programs have it in their registers: the number of a region in the upper 32 bits, the place
/// in it, in bytes, in the lower ones. Arithmetic on pointers is arithmetic on numbers, and a pointer that left its region
/// shows by its place.
package struct ProgramAddress: RawRepresentable, Hashable, Sendable {
  package let rawValue: UInt64
  package init(rawValue: UInt64) { self.rawValue = rawValue }

  init(region: Int, offset: UInt32 = 0) { rawValue = UInt64(region) << 32 | UInt64(offset) }

  var region: Int { Int(rawValue >> 32) }
  package var offset: Int { Int(UInt32(truncatingIfNeeded: rawValue)) }

  /// The region that an address lies in or is nearest to, and its place there, which is negative before the region.
  package var nearest: (region: Int, offset: Int) {
    let moved = rawValue &+ (1 << 31)
    return (Int(moved >> 32), Int(UInt32(truncatingIfNeeded: moved)) - (1 << 31))
  }

  /// What lies so many bytes behind; wraps around like a register.
  package func advanced(by byteCount: Int) -> ProgramAddress {
    ProgramAddress(rawValue: rawValue &+ UInt64(bitPattern: Int64(byteCount)))
  }
}

/// The regions that every program has; those of its caller come behind.
enum KnownRegion {
  /// Nothing lies in the first one, so that 0 is no address of anything.
  static let context = 1
  static let packet = 2
  static let stack = 3
  static let other = stack + ProgramMemory.frameCount
}
