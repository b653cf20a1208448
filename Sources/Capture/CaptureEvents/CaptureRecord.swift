package import ByteReading

/// The header of one ring record: `struct capture_record`, 24 bytes in the host's byte order,
/// bpf/include/capture_record.h.
///
///     0        8            12         16               18         19       24
///     | time   | wire_length | interface | captured_length | direction | padding | frame ...
package struct CaptureRecord: Hashable, Sendable {
  /// Which way the packet went through the interface: `enum capture_direction`.
  package enum Direction: UInt8, Hashable, Sendable {
    case incoming = 0
    case outgoing = 1
  }

  /// Nanoseconds of CLOCK_MONOTONIC when the program saw the packet.
  package var time: UInt64
  /// The whole frame on the wire, in bytes; at least `capturedLength`.
  package var wireLength: Int
  /// Index of the interface.
  package var interface: UInt32
  /// How many bytes of the frame the record carries, 0...65535.
  package var capturedLength: Int
  package var direction: Direction

  /// Where the frame starts in the record.
  package static let frameOffset = 24

  /// Where the frame lies in the record.
  package var frameRange: Range<Int> { Self.frameOffset..<Self.frameOffset + capturedLength }

  /// - Parameter record: one record of the ring; what follows its frame is not looked at.
  package init(_ record: RawSpan) throws(CaptureRecordError) {
    let way: UInt8
    do throws(TruncatedError) {
      guard record.byteCount >= Self.frameOffset else {
        throw TruncatedError(offset: 0, needed: Self.frameOffset, available: record.byteCount)
      }
      time = try record.read(UInt64.self, at: 0)
      wireLength = Int(try record.read(UInt32.self, at: 8))
      interface = try record.read(UInt32.self, at: 12)
      capturedLength = Int(try record.read(UInt16.self, at: 16))
      way = try record.read(UInt8.self, at: 18)
    } catch {
      throw .truncatedHeader(error)
    }
    guard let direction = Direction(rawValue: way) else { throw .unknownDirection(way) }
    self.direction = direction
    let carried = record.byteCount - Self.frameOffset
    guard capturedLength <= carried else { throw .truncatedFrame(captured: capturedLength, carried: carried) }
    guard capturedLength <= wireLength else {
      throw .moreThanTheFrame(captured: capturedLength, wire: wireLength)
    }
  }
}

/// Why a ring record is not one of ours.
package enum CaptureRecordError: Error, Hashable, Sendable {
  /// Shorter than the fixed header.
  case truncatedHeader(TruncatedError)
  /// `captured_length` says more bytes than the record carries.
  case truncatedFrame(captured: Int, carried: Int)
  /// `captured_length` says more bytes than the whole frame has.
  case moreThanTheFrame(captured: Int, wire: Int)
  /// `direction` is neither CAPTURE_IN nor CAPTURE_OUT.
  case unknownDirection(UInt8)
}

extension CaptureRecordError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .truncatedHeader(let error):
      "capture record header: \(error)"
    case .truncatedFrame(let captured, let carried):
      "capture record says \(captured) captured bytes, but carries \(carried)"
    case .moreThanTheFrame(let captured, let wire):
      "capture record says \(captured) captured bytes of a frame of \(wire)"
    case .unknownDirection(let direction):
      "capture record has direction \(direction), which is neither in (0) nor out (1)"
    }
  }
}
