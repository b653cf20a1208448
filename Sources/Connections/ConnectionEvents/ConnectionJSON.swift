package import CaptureEvents

/// One object, always with the same names; `null` stands for what is not known or does not apply.
package struct ConnectionJSON {
  package init() {}

  /// - Parameters:
  ///   - offset: from CLOCK_MONOTONIC to nanoseconds since 1970.
  ///   - container: its identifier; empty where none is known.
  package func write(
    _ record: ConnectionRecord, offset: UInt64, container: [UInt8], into out: inout OutputBuffer
  ) {
    let owner = record.owner
    let outcome = ConnectionOutcome(record)
    out.append(#"{"event":""#)
    out.append(record.event == .opened ? "opened" : record.event == .syn ? "syn" : "closed")
    out.append(#"","time":"#)
    writeSeconds(record.time &+ offset, into: &out)
    name("opened", into: &out)
    write(record.opened.map { $0 &+ offset }, into: &out, writeSeconds)
    name("established", into: &out)
    write(record.established.map { $0 &+ offset }, into: &out, writeSeconds)
    name("handshake", into: &out)
    write(record.handshake, into: &out, writeSeconds)
    name("duration", into: &out)
    write(record.opened.map { record.time &- min($0, record.time) }, into: &out, writeSeconds)
    name("began_before", into: &out)
    out.append(record.flags.isDisjoint(with: [.found, .untracked]) ? "false" : "true")
    name("direction", into: &out)
    out.append(
      record.flags.contains(.active)
        ? #""outgoing""# : record.flags.contains(.passive) ? #""incoming""# : "null")
    name("family", into: &out)
    out.append(record.local.isIPv4 ? #""ipv4""# : #""ipv6""#)
    name("socket_family", into: &out)
    out.append(record.isIPv6Socket ? #""ipv6""# : #""ipv4""#)
    write(record.local, "local", "local_port", into: &out)
    write(record.remote, "remote", "remote_port", into: &out)
    number("netns", UInt64(record.namespace), into: &out)
    name("socket_cookie", into: &out)
    write(record.cookie, into: &out) { $1.appendDecimal($0) }
    owner.writeJSONMembers(container: container, into: &out)
    name("state", into: &out)
    out.append(#"""#)
    out.append(record.state.name)
    out.append(#"""#)
    word("end", outcome?.name, into: &out)
    word("ended_by", outcome?.side?.name, into: &out)
    name("errno", into: &out)
    write(record.error == 0 ? nil : UInt64(record.error), into: &out) { $1.appendDecimal($0) }
    number("bytes_sent", record.bytesSent, into: &out)
    number("bytes_received", record.bytesReceived, into: &out)
    number("segments_sent", UInt64(record.segmentsSent), into: &out)
    number("segments_received", UInt64(record.segmentsReceived), into: &out)
    number("retransmits", UInt64(record.retransmits), into: &out)
    name("rtt", into: &out)
    write(record.roundTrip.map { UInt64($0) * 1000 }, into: &out, writeSeconds)
    if record.event == .syn {
      number("queue_waiting", UInt64(record.queue.waiting), into: &out)
      number("queue_limit", UInt64(record.queue.limit), into: &out)
      number("half_open", UInt64(record.queue.halfOpen), into: &out)
    }
    out.append("}")
  }

  private func name(_ name: StaticString, into out: inout OutputBuffer) {
    out.append(#",""#)
    out.append(name)
    out.append(#"":"#)
  }

  private func word(_ name: StaticString, _ word: StaticString?, into out: inout OutputBuffer) {
    self.name(name, into: &out)
    guard let word else { return out.append("null") }
    out.append(#"""#)
    out.append(word)
    out.append(#"""#)
  }

  private func number(_ name: StaticString, _ value: UInt64, into out: inout OutputBuffer) {
    self.name(name, into: &out)
    out.appendDecimal(value)
  }

  private func write(_ value: UInt64?, into out: inout OutputBuffer, _ write: (UInt64, inout OutputBuffer) -> Void) {
    if let value { write(value, &out) } else { out.append("null") }
  }

  private func write(
    _ end: SocketAddress, _ address: StaticString, _ port: StaticString, into out: inout OutputBuffer
  ) {
    name(address, into: &out)
    out.append(#"""#)
    end.writeAddress(into: &out)
    out.append(#"""#)
    number(port, UInt64(end.port), into: &out)
  }

  private func writeSeconds(_ nanoseconds: UInt64, into out: inout OutputBuffer) {
    out.appendSeconds(nanoseconds: nanoseconds)
  }
}

extension ConnectionOwner {
  /// Whose, each with the comma before it.
  func writeJSONMembers(container: [UInt8], into out: inout OutputBuffer) {
    out.append(#","owner":""#)
    out.append(source.name)
    out.append(#"","pid":"#)
    if hasTask { out.appendDecimal(process) } else { out.append("null") }
    out.append(#","uid":"#)
    if hasUser { out.appendDecimal(user) } else { out.append("null") }
    out.append(#","comm":"#)
    if hasTask {
      out.append(#"""#)
      writeJSONName(into: &out)
      out.append(#"""#)
    } else {
      out.append("null")
    }
    out.append(#","cgroup":"#)
    if cgroup == 0 { out.append("null") } else { out.appendDecimal(cgroup) }
    out.append(#","container":"#)
    if container.isEmpty {
      out.append("null")
    } else {
      // Hexadecimal digits.
      out.append(#"""#)
      out.append(container)
      out.append(#"""#)
    }
  }
}
