package import ByteReading

/// The header of one ring record: `struct capture_record`, 24 bytes in the host's byte order,
/// bpf/include/capture_record.h.
///
///     0        8            12         16               20         21     22             23       24
///     | time   | wire_length | interface | captured_length | direction | link | socket_state | padding | frame ...
package struct CaptureRecord: Hashable, Sendable {
  /// Which way the packet went through the interface: `enum capture_direction`.
  package enum Direction: UInt8, Hashable, Sendable {
    case incoming = 0
    case outgoing = 1
  }

  /// Nanoseconds of CLOCK_MONOTONIC when the program saw the packet.
  package var time: UInt64
  /// The whole packet on the wire, in bytes; at least `capturedLength`.
  package var wireLength: Int
  /// Index of the interface.
  package var interface: UInt32
  /// How many bytes of the packet the record carries.
  package var capturedLength: Int
  package var direction: Direction
  /// Ethernet, or raw where the interface has no link header.
  package var linkType: LinkType
  /// Of the socket that the packet is for; `nil` where none is known.
  package var socketState: SocketState?

  /// Where the frame starts in the record.
  package static let frameOffset = 24

  /// The packets of interfaces without a link header have a made-up one of Ethernet before them.
  package static let madeUpByteCount = 14

  /// Where the packet lies in the record.
  @inlinable package var frameRange: Range<Int> {
    let start = Self.frameOffset + (linkType == .ethernet ? 0 : Self.madeUpByteCount)
    return start..<start + capturedLength
  }

  /// Only when a record's program saw the packet; 0 for what is none.
  package static func time(of record: RawSpan) -> UInt64 { (try? record.read(UInt64.self, at: 0)) ?? 0 }

  /// - Parameter record: one record of the ring; what follows its frame is not looked at.
  package init(_ record: RawSpan) throws(CaptureRecordError) {
    let (way, link): (UInt8, UInt8)
    do throws(TruncatedError) {
      guard record.byteCount >= Self.frameOffset else {
        throw TruncatedError(offset: 0, needed: Self.frameOffset, available: record.byteCount)
      }
      time = try record.read(UInt64.self, at: 0)
      wireLength = Int(try record.read(UInt32.self, at: 8))
      interface = try record.read(UInt32.self, at: 12)
      capturedLength = Int(try record.read(UInt32.self, at: 16))
      way = try record.read(UInt8.self, at: 20)
      link = try record.read(UInt8.self, at: 21)
      socketState = SocketState(rawValue: try record.read(UInt8.self, at: 22))
    } catch {
      throw .truncatedHeader(error)
    }
    guard let direction = Direction(rawValue: way) else { throw .unknownDirection(way) }
    self.direction = direction
    let carried = record.byteCount - Self.frameOffset
    guard capturedLength <= carried else { throw .truncatedFrame(captured: capturedLength, carried: carried) }
    switch link {
    case 0: linkType = .ethernet
    case 1:
      linkType = .raw
      guard capturedLength >= Self.madeUpByteCount else {
        throw .truncatedFrame(captured: Self.madeUpByteCount, carried: capturedLength)
      }
      capturedLength -= Self.madeUpByteCount
    default: throw .unknownLink(link)
    }
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
  /// `link` is neither CAPTURE_ETHERNET nor CAPTURE_IP.
  case unknownLink(UInt8)
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
    case .unknownLink(let link):
      "capture record has link \(link), which is neither Ethernet (0) nor IP (1)"
    }
  }
}
