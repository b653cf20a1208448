public import ByteReading

/// The header of one ring record: `struct capture_record`, 24 bytes in the host's byte order,
/// bpf/include/capture_record.h.
///
///     0        8            12         16               20         21     22             23       24
///     | time   | wire_length | interface | captured_length | direction | link | socket_state | padding | frame ...
///
/// Inlined into the loops that read records: a call for each, from another module, would cost as much as reading it. Public
/// although no product has the module: the compiler inlines nothing less into another one.
public struct CaptureRecord: Hashable, Sendable {
  /// Which way the packet went through the interface: `enum capture_direction`.
  public enum Direction: UInt8, Hashable, Sendable {
    case incoming = 0
    case outgoing = 1
  }

  /// Nanoseconds of CLOCK_MONOTONIC when the program saw the packet.
  public let time: UInt64
  /// The whole packet on the wire, in bytes; at least `capturedLength`.
  public let wireLength: Int
  /// Index of the interface.
  public let interface: UInt32
  /// How many bytes of the packet the record carries.
  public let capturedLength: Int
  public let direction: Direction
  /// Whether the interface's packets begin with an Ethernet header, or with IP's.
  public let hasEthernetHeader: Bool
  @usableFromInline let stateNumber: UInt8

  /// Where the frame starts in the record.
  @inlinable public static var frameOffset: Int { 24 }

  /// The packets of interfaces without a link header have a made-up one of Ethernet before them.
  @inlinable public static var madeUpByteCount: Int { 14 }

  package var linkType: LinkType { hasEthernetHeader ? .ethernet : .raw }

  /// Of the socket that the packet is for; `nil` where none is known.
  package var socketState: SocketState? { SocketState(rawValue: stateNumber) }

  /// Where the packet lies in the record.
  @inlinable @inline(__always) public var frameRange: Range<Int> {
    let start = Self.frameOffset + (hasEthernetHeader ? 0 : Self.madeUpByteCount)
    return start..<start + capturedLength
  }

  /// Only when a record's program saw the packet; 0 for what is none.
  @inlinable public static func time(of record: RawSpan) -> UInt64 { (try? record.read(UInt64.self, at: 0)) ?? 0 }

  /// - Parameter record: one record of the ring; what follows its frame is not looked at.
  @inlinable @inline(__always)
  public init(_ record: RawSpan) throws(CaptureRecordError) {
    let (captured, way, link): (Int, UInt8, UInt8)
    do throws(TruncatedError) {
      guard record.byteCount >= Self.frameOffset else {
        throw TruncatedError(offset: 0, needed: Self.frameOffset, available: record.byteCount)
      }
      time = try record.read(UInt64.self, at: 0)
      wireLength = Int(try record.read(UInt32.self, at: 8))
      interface = try record.read(UInt32.self, at: 12)
      captured = Int(try record.read(UInt32.self, at: 16))
      way = try record.read(UInt8.self, at: 20)
      link = try record.read(UInt8.self, at: 21)
      stateNumber = try record.read(UInt8.self, at: 22)
    } catch {
      throw .truncatedHeader(error)
    }
    switch way {
    case 0: direction = .incoming
    case 1: direction = .outgoing
    default: throw .unknownDirection(way)
    }
    let carried = record.byteCount - Self.frameOffset
    guard captured <= carried else { throw .truncatedFrame(captured: captured, carried: carried) }
    switch link {
    case 0:
      hasEthernetHeader = true
      capturedLength = captured
    case 1:
      hasEthernetHeader = false
      guard captured >= Self.madeUpByteCount else {
        throw .truncatedFrame(captured: Self.madeUpByteCount, carried: captured)
      }
      capturedLength = captured - Self.madeUpByteCount
    default: throw .unknownLink(link)
    }
    guard capturedLength <= wireLength else {
      throw .moreThanTheFrame(captured: capturedLength, wire: wireLength)
    }
  }

  /// Of a program of ours: that a record does not hold together would be our own mistake.
  @inlinable @inline(__always)
  public init(written record: RawSpan) {
    do throws(CaptureRecordError) { self = try CaptureRecord(record) } catch { Self.trap(error) }
  }

  @usableFromInline @inline(never)
  static func trap(_ error: CaptureRecordError) -> Never { fatalError("\(error)") }
}

/// Why a ring record is not one of ours.
public enum CaptureRecordError: Error, Hashable, Sendable {
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
  public var description: String {
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
