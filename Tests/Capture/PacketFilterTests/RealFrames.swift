import CaptureEvents
import CaptureFiles
import Foundation
import RealCaptures

/// Frames of real captures: some of each Ethernet file.
enum RealFrames {
  /// - Parameters:
  ///   - perFile: at most as many, evenly over the file.
  ///   - byteCount: longer ones are cut.
  static func frames(perFile: Int, byteCount: Int) throws -> [[UInt8]] {
    try RealCaptures.files.flatMap { file in
      let frames = frames(of: [UInt8](try Data(contentsOf: file)))
      let step = max(1, frames.count / perFile)
      return stride(from: 0, to: frames.count, by: step).prefix(perFile).map { Array(frames[$0].prefix(byteCount)) }
    }
  }

  /// As far as a file can be read; many of the captures are broken on purpose.
  private static func frames(of file: [UInt8]) -> [[UInt8]] {
    var reader = CaptureFileReader()
    var frames: [[UInt8]] = []
    while let step = try? unsafe reader.next(in: file.span.bytes, at: 0, isLast: true) {
      switch step {
      case .packet(let packet):
        guard reader.interfaces[packet.interface].linkType == .ethernet, packet.range.count >= 14 else { continue }
        frames.append(Array(file[packet.range]))
      case .statistics: continue
      case .needsMore, .end: return frames
      }
    }
    return frames
  }
}
