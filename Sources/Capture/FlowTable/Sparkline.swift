internal import CaptureEvents

/// A flow's bytes in the last intervals as a row of bars, the newest at the right, the highest as high as a line.
struct Sparkline {
  let isUnicode: Bool

  private static let blocks: [StaticString] = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"]
  private static let ascii: [StaticString] = [" ", ".", ":", "-", "=", "+", "*", "#", "@"]

  /// - Parameter width: how many bars.
  func write(_ flow: Flow, round: UInt32, width: Int, into out: inout OutputBuffer) {
    var highest: UInt64 = 1
    for age in 0..<width { highest = max(highest, flow.bytes(ago: age, in: round)) }
    for age in (0..<width).reversed() {
      let level = Self.level(flow.bytes(ago: age, in: round), of: highest)
      out.append(isUnicode ? Self.blocks[level] : Self.ascii[level])
    }
  }

  /// 0 for nothing at all, else 1 to 8.
  static func level(_ value: UInt64, of highest: UInt64) -> Int {
    guard value > 0 else { return 0 }
    return min(8, 1 + Int(Double(value) / Double(max(highest, 1)) * 7.999))
  }
}
