import CaptureEvents
import CaptureSession
import FlowTable
import Glibc
import LinuxCalls

/// Flows on their way to standard output, as blocks of text or as JSON.
struct PrintedFlows: ~Copyable, FlowOutput {

  private let options: FlowBlock.Options
  private let isJSON: Bool
  private let names = InterfaceNames()
  private var buffer = OutputBuffer(capacity: 1 << 16)
  private var isFirst = true
  /// Why writing failed.
  private(set) var failure: SystemCallError?

  init(_ options: FlowBlock.Options, isJSON: Bool) { (self.options, self.isJSON) = (options, isJSON) }

  mutating func show(_ table: inout FlowTable, _ statistics: FlowStatistics, isLast: Bool) -> Bool {
    guard failure == nil else { return false }
    if isJSON {
      let json = FlowJSON(sample: options.sample) { [names] in names.name(of: $0) }
      let moment = table.moment
      table.forEach(
        by: options.sort, isReversed: options.isReversed, onlyActive: options.onlyActive, limit: options.top ?? .max
      ) { flow in json.write(flow, in: moment, into: &buffer) }
    } else {
      if !isFirst { buffer.append("\n") }
      FlowBlock(options) { [names] in names.name(of: $0) }
        .write(&table, statistics.totals, time: Self.time(of: table.moment), into: &buffer)
    }
    isFirst = false
    do throws(SystemCallError) {
      try buffer.withBytes { (bytes) throws(SystemCallError) in try writeAll(bytes, to: STDOUT_FILENO) }
    } catch { failure = error }
    buffer.removeAll()
    return failure == nil
  }

  private static func time(of moment: FlowTable.Moment) -> String {
    localTime("%H:%M:%S", at: Int((moment.time &+ moment.sinceEpoch) / 1_000_000_000))
  }

  mutating func input() -> Bool { true }
  mutating func terminalSignal(_ signal: CInt) {}
  mutating func notice(_ notice: CaptureNotice) { StandardError.write(notice.text) }
  mutating func statistics(_ statistics: FlowStatistics) { StandardError.write(statistics.line) }
}

/// The names of interfaces, asked once each: one that has gone keeps its name.
final class InterfaceNames {
  private var known: [UInt32: String] = [:]

  func name(of index: UInt32) -> String {
    if let name = known[index] { return name }
    let name = unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(IF_NAMESIZE)) { buffer in
      unsafe if_indextoname(index, buffer.baseAddress!).map { unsafe String(cString: $0) }
    }
    known[index] = name ?? "if\(index)"
    return name ?? "if\(index)"
  }
}
