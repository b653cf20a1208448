/// Where a filter's program finds the frame.
enum FilterFrame: Hashable, Sendable {
  /// Between the packet's start and end, which the context begins with. The verifier knows what lies before an end that a
  /// pointer was compared with.
  case packet
  /// In a buffer of so many bytes. The verifier knows how far a pointer may point, but not what a comparison with the
  /// frame's end means.
  case buffer(room: UInt32)

  /// The kernel's largest value of a per-CPU map is 32 KiB.
  static let largestRoom = 32_000
}
