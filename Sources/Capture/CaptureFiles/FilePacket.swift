package import CaptureEvents

/// One packet of a capture file: what the file says of it, and where its bytes lie.
///
/// A value of fixed size, without references: reading one allocates nothing.
package struct FilePacket: Hashable, Sendable {
  /// Which packet of the file it is, from 1 on.
  package var number: Int
  /// Since 1970; nil for simple packet blocks, which carry no time, and for years outside 1678...2262.
  package var nanoseconds: Int64?
  /// The captured bytes, in the span that was given to the reader.
  package var range: Range<Int>
  /// The packet on the wire, in bytes, as the file says. Some writers say less than what they captured.
  package var originalLength: Int
  /// Index into the reader's `interfaces`.
  package var interface: Int
  /// Nil where the file does not tell.
  package var direction: CaptureRecord.Direction?
  /// The options of its block, in the same span.
  package var options: Range<Int>
}
