package import CaptureEvents

/// The table of flows for whoever reads it later: a block of lines each time.
package struct FlowBlock {
  package struct Options: Sendable {
    package var sort = FlowTable.Sort.bytes
    package var isReversed = false
    package var top: Int?
    /// Leaves out flows without packets in the interval.
    package var onlyActive = false
    package var showsInterface = false
    package var sample: UInt64 = 1
    package var isUnicode = false

    package init() {}
  }

  private let options: Options
  private let interfaceName: (UInt32) -> String

  package init(_ options: Options, interfaceName: @escaping (UInt32) -> String) {
    (self.options, self.interfaceName) = (options, interfaceName)
  }

  /// - Parameter time: of the clock on the wall, as it is to be shown.
  package func write(
    _ table: inout FlowTable, _ totals: FlowTotals, time: String, into out: inout OutputBuffer
  ) {
    // Two rounds: the widest flow has to be known before the first is written.
    let narrow = columns(flowWidth: 4)
    var widest = 4
    var name = OutputBuffer(capacity: 256)
    table.forEach(
      by: options.sort, isReversed: options.isReversed, onlyActive: options.onlyActive, limit: options.top ?? .max
    ) { flow in
      name.removeAll()
      widest = max(widest, narrow.writeName(flow, into: &name))
    }
    let columns = columns(flowWidth: widest)
    out.append(Array(time.utf8))
    out.append(" ")
    columns.write(totals, table, into: &out)
    if options.sample > 1 {
      out.append("; 1 packet in ")
      out.appendDecimal(options.sample)
      out.append(" counted, numbers with ~ are estimates")
    }
    out.append("\n")
    columns.writeTitles(sort: options.sort, isReversed: options.isReversed, into: &out)
    out.append("\n")
    let moment = table.moment
    table.forEach(
      by: options.sort, isReversed: options.isReversed, onlyActive: options.onlyActive, limit: options.top ?? .max
    ) { flow in
      columns.write(flow, in: moment, into: &out)
      out.append("\n")
    }
  }

  private func columns(flowWidth: Int) -> FlowColumns {
    FlowColumns(
      width: nil, flowWidth: flowWidth, showsInterface: options.showsInterface, sample: options.sample,
      isUnicode: options.isUnicode, interfaceName: interfaceName)
  }
}
