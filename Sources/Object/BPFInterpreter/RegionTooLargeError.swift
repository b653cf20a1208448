/// A region has at most 2 GiB: what lies beyond it in both directions must not be another region.
package struct RegionTooLargeError: Error, Hashable, Sendable, CustomStringConvertible {
  package let byteCount: Int
  package var description: String { "\(byteCount) bytes are more than the 2 GiB that a region can have" }
}
