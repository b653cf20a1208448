import ArgumentParser
import CaptureSession

@main
struct Merops: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "merops")
  @Option(name: .short) var i: String
  @Option var duration: Double?
  @Option(name: .short) var c: Int?
  func run() throws {
    var o = CaptureOptions()
    o.duration = duration
    o.count = c
    var s = try CaptureSession(o)
    try s.attach(to: i)
    print(s.attachments)
    var out = Out()
    print(try s.run(&out).summary)
    print(out.n)
  }
}
struct Out: CaptureOutput {
  var n = 0
  mutating func packet(_ r: RawSpan) -> Bool {
    n += 1
    return true
  }
  mutating func pause() -> Bool { true }
  mutating func statistics(_ s: CaptureStatistics) { print(s.line) }
}
