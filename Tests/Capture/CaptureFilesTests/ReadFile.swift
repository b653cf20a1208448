import CaptureEvents
import CaptureFiles

/// All that a file had, up to its end or its error.
struct ReadFile: Equatable {
  struct Packet: Equatable {
    var nanoseconds: Int64?
    var bytes: [UInt8]
    var originalLength: Int
    var interface: CaptureInterface
    var direction: CaptureRecord.Direction?
    var comments: [String]
  }

  var packets: [Packet] = []
  var statistics: [InterfaceStatistics] = []
  var sections: [CaptureSection] = []
  var error: CaptureFileError?

  private init() {}

  /// - Parameter chunk: how many bytes come at once; nil reads the bytes as one.
  init(_ file: [UInt8], chunk: Int? = nil) {
    guard let chunk else {
      self.init()
      var reader = CaptureFileReader()
      do throws(CaptureFileError) {
        _ = try unsafe read(file.span.bytes, at: 0, isLast: true, &reader)
      } catch {
        self.error = error
      }
      return
    }
    var next = 0
    self.init(window: CaptureFileWindow(byteCount: 64)) { buffer, start in
      let count = min(chunk, buffer.count - start, file.count - next)
      for index in 0..<count { buffer[start + index] = file[next + index] }
      next += count
      return count
    }
  }

  /// - Parameter source: what `CaptureFileWindow.slide` takes.
  init<Failure: Error>(
    window: consuming CaptureFileWindow, _ source: (inout [UInt8], Int) throws(Failure) -> Int
  ) throws(Failure) {
    var reader = CaptureFileReader()
    while true {
      let needed: Int?
      do throws(CaptureFileError) {
        needed = try window.withBytes { (bytes) throws(CaptureFileError) in
          try read(bytes, at: window.offset, isLast: window.isLast, &reader)
        }
      } catch {
        self.error = error
        return
      }
      guard let needed else { return }
      try window.slide(to: reader.position, through: needed, source)
    }
  }

  /// - Returns: the offset that is needed to read on; nil at the end.
  private mutating func read(
    _ bytes: RawSpan, at start: Int, isLast: Bool, _ reader: inout CaptureFileReader
  ) throws(CaptureFileError) -> Int? {
    while true {
      let step = try reader.next(in: bytes, at: start, isLast: isLast)
      if sections.count < reader.sectionNumber { sections.append(reader.section) }
      switch step {
      case .packet(let packet):
        packets.append(
          Packet(
            nanoseconds: packet.nanoseconds,
            bytes: unsafe bytes.extracting(packet.range).withUnsafeBytes { unsafe Array($0) },
            originalLength: packet.originalLength, interface: reader.interfaces[packet.interface],
            direction: packet.direction, comments: reader.comments(of: packet, in: bytes)))
      case .statistics: statistics.append(contentsOf: [reader.statistics].compactMap(\.self))
      case .needsMore(let end): return end
      case .end: return nil
      }
    }
  }
}

extension OutputBuffer {
  var bytes: [UInt8] { withBytes { bytes in unsafe bytes.withUnsafeBytes { unsafe Array($0) } } }
}
