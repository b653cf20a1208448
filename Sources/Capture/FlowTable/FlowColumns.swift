package import CaptureEvents

/// How a table of flows looks: which columns it has, and how wide they are.
package struct FlowColumns {
  enum Column: Hashable, Sendable {
    case flow, interface, proto
    case packets, bytes
    /// What the initiator sent, and what the other end did.
    case packetsOut, packetsIn, bytesOut, bytesIn
    case flags, age, last, rate, trend

    var title: StaticString {
      switch self {
      case .flow: "FLOW"
      case .interface: "IFACE"
      case .proto: "PROTO"
      case .packets: "PKTS"
      case .bytes: "BYTES"
      case .packetsOut: "PKTS>"
      case .packetsIn: "<PKTS"
      case .bytesOut: "BYTES>"
      case .bytesIn: "<BYTES"
      case .flags: "FLAGS"
      case .age: "AGE"
      case .last: "LAST"
      case .rate: "B/s"
      case .trend: "TREND"
      }
    }

    /// Numbers stand at the right of their column.
    var isNumber: Bool {
      switch self {
      case .flow, .interface, .proto, .flags, .trend: false
      default: true
      }
    }

    func isSorted(by sort: FlowTable.Sort) -> Bool {
      switch sort {
      case .rate: self == .rate
      case .bytes: [.bytes, .bytesOut, .bytesIn].contains(self)
      case .packets: [.packets, .packetsOut, .packetsIn].contains(self)
      case .last: self == .last
      case .age: self == .age
      }
    }
  }

  /// That of the longest name of a flow over IPv4.
  private static let everydayFlowWidth = 45

  let columns: [(column: Column, width: Int)]
  /// 1, or one packet in so many was counted and numbers are estimates.
  let sample: UInt64
  private let sparkline: Sparkline
  private let isUnicode: Bool
  private let interfaceName: (UInt32) -> String

  /// - Parameters:
  ///   - width: of a line, in characters; `nil` where lines may be as long as they like.
  ///   - flowWidth: of the widest flow, where `width` is `nil`.
  ///   - showsInterface: flows are of several.
  package init(
    width: Int?, flowWidth: Int = 0, showsInterface: Bool, sample: UInt64, isUnicode: Bool,
    interfaceName: @escaping (UInt32) -> String
  ) {
    let isWide = width.map { $0 >= 110 } ?? true
    // With a sign before it where it is an estimate.
    let number = isWide || sample > 1 ? 6 : 5
    var columns: [(column: Column, width: Int)] = [(.proto, 5)]
    if showsInterface { columns.insert((.interface, 8), at: 0) }
    if isWide {
      columns += [(.packetsOut, number), (.packetsIn, number), (.bytesOut, 7), (.bytesIn, 7)]
      columns += [(.flags, 6), (.age, 6), (.last, 5), (.rate, number)]
    } else {
      columns += [(.packets, number), (.bytes, number), (.rate, number)]
    }
    // Without a limit nobody watches a trend; where it is narrow, the flow matters more.
    let rest = width.map { width in width - columns.reduce(0) { $0 + $1.width + 1 } }
    if let rest {
      let trend = min(Flow.historyCount, rest - 1 - Self.everydayFlowWidth)
      if trend >= 4 { columns.append((.trend, trend)) }
      columns.insert((.flow, max(8, rest - (trend >= 4 ? trend + 1 : 0))), at: 0)
    } else {
      columns.insert((.flow, max(flowWidth, 4)), at: 0)
    }
    self.columns = columns
    self.sample = sample
    self.isUnicode = isUnicode
    sparkline = Sparkline(isUnicode: isUnicode)
    self.interfaceName = interfaceName
  }

  /// The columns' names, the one that flows are sorted by marked.
  package func writeTitles(sort: FlowTable.Sort, isReversed: Bool, into out: inout OutputBuffer) {
    var cell = OutputBuffer()
    let mark: StaticString = isUnicode ? (isReversed ? "▲" : "▼") : (isReversed ? "^" : "v")
    for (index, column) in columns.enumerated() {
      cell.removeAll()
      cell.append(column.column.title)
      var width = cell.count
      if column.column.isSorted(by: sort) {
        cell.truncate(to: min(cell.count, column.width - 1))
        width = cell.count + 1
        cell.append(mark)
      }
      write(cell, width, column, isFirst: index == 0, isLast: index == columns.count - 1, into: &out)
    }
  }

  /// - Parameters:
  ///   - round, time: the table's.
  package func write(_ flow: Flow, in table: FlowTable.Moment, into out: inout OutputBuffer) {
    var cell = OutputBuffer(capacity: 256)
    for (index, column) in columns.enumerated() {
      cell.removeAll()
      var width: Int?
      switch column.column {
      case .flow: width = writeName(flow, within: column.width, into: &cell)
      case .interface: cell.append(Array(interfaceName(flow.key.interface).utf8.prefix(column.width)))
      case .proto: cell.append(protocolOf: flow.key)
      case .packets: writeEstimate(flow.packets, into: &cell)
      case .packetsOut: writeEstimate(flow.a.packets, into: &cell)
      case .packetsIn: writeEstimate(flow.b.packets, into: &cell)
      case .bytes: writeEstimate(flow.bytes, into: &cell)
      case .bytesOut: writeEstimate(flow.a.bytes, into: &cell)
      case .bytesIn: writeEstimate(flow.b.bytes, into: &cell)
      case .flags: writeFlags(flow.a.flags.union(flow.b.flags), into: &cell)
      case .age: cell.append(durationOf: table.time &- min(flow.first, table.time))
      case .last: cell.append(durationOf: table.time &- min(flow.last, table.time))
      case .rate: writeEstimate(table.perSecond(flow.newBytes), into: &cell)
      case .trend:
        sparkline.write(flow, round: table.round, width: column.width, into: &cell)
        width = column.width
      }
      let isLast = index == columns.count - 1
      write(cell, width ?? cell.count, column, isFirst: index == 0, isLast: isLast, into: &out)
    }
  }

  private func write(
    _ cell: borrowing OutputBuffer, _ cellWidth: Int, _ column: (column: Column, width: Int), isFirst: Bool,
    isLast: Bool, into out: inout OutputBuffer
  ) {
    if !isFirst { out.append(" ") }
    let padding = max(0, column.width - cellWidth)
    if column.column.isNumber { for _ in 0..<padding { out.append(" ") } }
    cell.withBytes { out.append($0) }
    if !column.column.isNumber, !isLast { for _ in 0..<padding { out.append(" ") } }
  }

  /// A count, or what it stands for, with a sign that says so.
  func writeEstimate(_ value: UInt64, into out: inout OutputBuffer) {
    guard sample > 1 else { return out.appendShort(value) }
    out.append("~")
    let (estimate, overflows) = value.multipliedReportingOverflow(by: sample)
    out.appendShort(overflows ? .max : estimate)
  }

  /// Those of both ends, as tcpdump writes them.
  private func writeFlags(_ flags: TCPFlags, into out: inout OutputBuffer) {
    let letters: [(TCPFlags, StaticString)] = [
      (.syn, "S"), (.fin, "F"), (.rst, "R"), (.psh, "P"), (.ack, "."), (.urg, "U"),
    ]
    for (flag, letter) in letters where flags.contains(flag) { out.append(letter) }
  }

  /// `192.0.2.1:40000 > 192.0.2.2:80`: from the end that opened the connection. Where that was not seen, `-` stands between
  /// the ends, the one whose packet came first before it.
  /// - Parameter room: in characters; addresses are shortened to fit.
  /// - Returns: its width in characters.
  @discardableResult
  package func writeName(_ flow: Flow, within room: Int = .max, into out: inout OutputBuffer) -> Int {
    var a = OutputBuffer(capacity: 64)
    var b = OutputBuffer(capacity: 64)
    var detail = OutputBuffer(capacity: 64)
    a.append(addressOf: flow.aEnd, version: flow.key.version)
    b.append(addressOf: flow.bEnd, version: flow.key.version)
    writeDetail(flow.key, into: &detail)
    let hasPorts = flow.key.kind == .ports
    func portWidth(_ port: UInt16) -> Int {
      guard hasPorts else { return 0 }
      return (flow.key.version == 6 ? 3 : 1) + (port < 10 ? 1 : port < 100 ? 2 : port < 1000 ? 3 : port < 10000 ? 4 : 5)
    }
    let fixed = 3 + detail.count + portWidth(flow.aEnd.port) + portWidth(flow.bEnd.port)
    let addresses = max(2, room - fixed)
    // What the shorter one leaves, the longer one has.
    let half = addresses / 2
    let aWidth = a.count <= half ? a.count : max(half, addresses - b.count)
    let bWidth = max(1, min(b.count, addresses - min(aWidth, a.count)))
    var width = write(a, aWidth, hasPorts ? flow.aEnd.port : nil, flow.key.version, into: &out)
    out.append(flow.isInitiatorKnown ? " > " : " - ")
    width += 3 + write(b, bWidth, hasPorts ? flow.bEnd.port : nil, flow.key.version, into: &out)
    detail.withBytes { out.append($0) }
    return width + detail.count
  }

  /// Returns its width.
  private func write(
    _ address: borrowing OutputBuffer, _ room: Int, _ port: UInt16?, _ version: UInt8, into out: inout OutputBuffer
  ) -> Int {
    let start = out.count
    var beyond = 0
    if port != nil, version == 6 { out.append("[") }
    if address.count <= room {
      address.withBytes { out.append($0) }
    } else {
      // The beginning tells the network, the end the host.
      let head = max(0, room - 1) / 2
      let tail = max(0, room - 1 - head)
      address.withBytes { bytes in
        out.append(bytes.extracting(first: head))
        out.append(isUnicode ? "…" : "*")
        out.append(bytes.extracting(last: tail))
      }
      beyond = isUnicode ? 2 : 0
    }
    if port != nil, version == 6 { out.append("]") }
    if let port {
      out.append(":")
      out.appendDecimal(port)
    }
    return out.count - start - beyond
  }

  private func writeDetail(_ key: FlowKey, into out: inout OutputBuffer) {
    switch key.kind {
    case .ports: break
    case .addresses: if key.lacksPorts { out.append(" (cut)") }
    case .fragments: out.append(" (later fragments)")
    case .echo:
      out.append(" echo ")
      out.appendDecimal(key.low.port)
    case .message:
      out.append(" type ")
      out.appendDecimal(key.low.port >> 8)
      out.append(" code ")
      out.appendDecimal(key.low.port & 0xff)
    }
  }
}
