internal import ByteReading
package import CaptureEvents

/// Lines of columns for people: as many as there is room for.
package struct ConnectionText: ~Copyable {
  /// In the order in which they stand.
  private enum Column: CaseIterable {
    case time, event, process, name, shortName, user, localPort, local, way, remote, handshake, duration, sent,
      received,
      retransmits
    case roundTrip, namespace, container, outcome

    var title: StaticString {
      switch self {
      case .time: "TIME"
      case .event: "EVENT"
      case .process: "PID"
      case .name, .shortName: "COMMAND"
      case .user: "UID"
      case .localPort: "PORT"
      case .local: "LOCAL"
      case .way: ""
      case .remote: "REMOTE"
      case .handshake: "SHAKE"
      case .duration: "LASTED"
      case .sent: "SENT"
      case .received: "RECVD"
      case .retransmits: "RETR"
      case .roundTrip: "RTT"
      case .namespace: "NETNS"
      case .container: "CONTAINER"
      case .outcome: "END"
      }
    }

    /// At least; what is longer moves the rest of its line.
    var width: Int {
      switch self {
      case .time: 15
      case .event: 6
      case .process: 7
      case .name: 15
      case .shortName: 10
      case .user: 5
      case .localPort: 5
      case .local, .remote: 21
      case .way: 1
      case .duration: 8
      case .handshake, .roundTrip: 7
      case .sent, .received: 5
      case .retransmits: 4
      case .namespace: 10
      case .container: 12
      case .outcome: 11
      }
    }

    /// Numbers stand at the right of their column.
    var isNumber: Bool {
      switch self {
      case .process, .user, .localPort, .handshake, .duration, .sent, .received, .retransmits, .roundTrip, .namespace:
        true
      default: false
      }
    }
  }

  /// What the lines tell of.
  package enum Content: Sendable {
    /// Connections that end.
    case ends
    /// Connections that open and end.
    case openingsAndEnds
    /// SYNs that listening sockets get.
    case requests
  }

  private let columns: [Column]
  private let content: Content
  private var time: CivilTime
  private var cell = OutputBuffer(capacity: 256)
  /// Since when connections are looked at, in nanoseconds of CLOCK_MONOTONIC.
  private let began: UInt64

  /// - Parameters:
  ///   - width: of the terminal, in columns; `nil` for all there is to tell.
  ///   - began: since when connections are looked at, in nanoseconds of CLOCK_MONOTONIC.
  package init(_ content: Content, width: Int?, secondsFromUTC: Int, began: UInt64) {
    self.content = content
    let width = (width ?? .max) - (content == .openingsAndEnds ? Column.event.width + 1 : 0)
    columns = Column.allCases.filter { column in
      switch column {
      case .event: content == .openingsAndEnds
      case .process, .way, .remote, .outcome: true
      case .duration, .sent, .received: content != .requests
      case .shortName: width < 88
      case .name: width >= 88
      case .time: width >= 104
      case .localPort: width < 120
      case .local: width >= 120
      case .handshake, .retransmits: width >= 136 && content != .requests
      case .roundTrip: width >= 144 && content != .requests
      case .user: width >= 152
      case .namespace: width >= 164
      case .container: width >= 178
      }
    }
    time = CivilTime(secondsFromUTC: secondsFromUTC)
    self.began = began
  }

  package mutating func writeTitle(into out: inout OutputBuffer) {
    for column in columns {
      cell.append(column == .outcome && content == .requests ? "QUEUE" : column.title)
      pad(column, into: &out)
    }
    endLine(into: &out)
  }

  /// - Parameters:
  ///   - realtime: when the record was made, in nanoseconds since 1970.
  ///   - container: its identifier; empty where none is known.
  package mutating func write(
    _ record: ConnectionRecord, realtime: UInt64, container: [UInt8], into out: inout OutputBuffer
  ) {
    for column in columns {
      write(column, of: record, realtime, container)
      pad(column, into: &out)
    }
    endLine(into: &out)
  }

  private mutating func write(_ column: Column, of record: ConnectionRecord, _ realtime: UInt64, _ container: [UInt8]) {
    let owner = record.owner
    switch column {
    case .time:
      time.move(to: Int64(realtime / 1_000_000_000))
      cell.append(time.clock)
      cell.appendDecimal(UInt32(realtime % 1_000_000_000 / 1000), width: 6)
    case .event: cell.append(record.event == .opened ? "open" : "close")
    case .process: if owner.hasTask { cell.appendDecimal(owner.process) } else { cell.append("-") }
    case .name, .shortName: owner.write(limit: column.width, into: &cell)
    case .user: if owner.hasUser { cell.appendDecimal(owner.user) } else { cell.append("-") }
    case .localPort: cell.appendDecimal(record.local.port)
    case .local: record.local.write(into: &cell)
    case .way: cell.append(record.directionSign)
    case .remote: record.remote.write(into: &cell)
    case .handshake: if let handshake = record.handshake { cell.appendDuration(handshake) } else { cell.append("-") }
    case .duration: writeTimeOpen(record)
    case .sent: cell.appendByteCount(record.bytesSent)
    case .received: cell.appendByteCount(record.bytesReceived)
    case .retransmits: cell.appendDecimal(record.retransmits)
    case .roundTrip:
      if let roundTrip = record.roundTrip { cell.appendDuration(UInt64(roundTrip) * 1000) } else { cell.append("-") }
    case .namespace: cell.appendDecimal(record.namespace)
    case .container: if container.isEmpty { cell.append("-") } else { writeShort(container) }
    case .outcome: writeOutcome(record)
    }
  }

  private mutating func writeShort(_ container: [UInt8]) {
    cell.append(unsafe container.span.bytes.extracting(first: Column.container.width))
  }

  private mutating func writeTimeOpen(_ record: ConnectionRecord) {
    if let opened = record.opened {
      cell.appendDuration(record.time - min(opened, record.time))
    } else if record.event == .closed {
      // It was there before, so it has been open for at least as long as we looked.
      cell.append(">")
      cell.appendDuration(record.time - min(began, record.time))
    } else {
      cell.append("-")
    }
  }

  private mutating func writeOutcome(_ record: ConnectionRecord) {
    if let outcome = ConnectionOutcome(record) { return outcome.write(into: &cell) }
    if record.event == .syn {
      cell.appendDecimal(record.queue.waiting)
      cell.append("/")
      cell.appendDecimal(record.queue.limit)
      cell.append(" + ")
      cell.appendDecimal(record.queue.halfOpen)
      cell.append(" half-open")
    }
  }

  /// Puts the cell into its column.
  private mutating func pad(_ column: Column, into out: inout OutputBuffer) {
    let padding = max(column.width - cell.count, 0)
    if column.isNumber { for _ in 0..<padding { out.append(UInt8(ascii: " ")) } }
    cell.withBytes { out.append($0) }
    if !column.isNumber { for _ in 0..<padding { out.append(UInt8(ascii: " ")) } }
    out.append(UInt8(ascii: " "))
    cell.removeAll()
  }

  /// Without the blanks behind the last column.
  private func endLine(into out: inout OutputBuffer) {
    var count = out.count
    out.withBytes { bytes in
      while count > 0, (try? bytes.read(UInt8.self, at: count - 1)) == UInt8(ascii: " ") { count -= 1 }
    }
    out.truncate(to: count)
    out.append("\n")
  }
}

extension ConnectionRecord {
  /// From the first segment to the third, in nanoseconds; `nil` where one of them was not seen.
  package var handshake: UInt64? {
    guard let opened, let established, established >= opened, !flags.contains(.synForgotten) else { return nil }
    return established - opened
  }
}
