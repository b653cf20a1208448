package import CaptureEvents

extension ConnectionRecord {
  /// Whether it is told of between packets: that it has opened, or what became of it.
  package var isNews: Bool {
    switch event {
    case .opened, .closed: true
    case .refused, .aborted, .syn, .halfOpen, .begun, .accepted, .found: false
    }
  }

  /// Between the local end and the other: `>` where the local one began, `<` where the other did, `-` where nobody knows.
  var directionSign: StaticString { flags.contains(.active) ? ">" : flags.contains(.passive) ? "<" : "-" }

  /// `TCP 192.0.2.1:4000 > 192.0.2.2:80 opened after 87us, by curl.4242 #17`, without a time. The local end stands first.
  package func writeLine(into out: inout OutputBuffer) {
    out.append("TCP ")
    local.write(into: &out)
    out.append(" ")
    out.append(directionSign)
    out.append(" ")
    remote.write(into: &out)
    if let outcome = ConnectionOutcome(self) {
      out.append(" over: ")
      outcome.write(into: &out)
      if let opened {
        out.append(", lasted ")
        out.appendDuration(time - min(opened, time))
      }
      out.append(", sent ")
      out.appendByteCount(bytesSent)
      out.append(", received ")
      out.appendByteCount(bytesReceived)
    } else {
      out.append(" opened")
      if let handshake {
        out.append(" after ")
        out.appendDuration(handshake)
      }
    }
    out.append(", by ")
    ConnectionEnd(self, container: []).write(into: &out)
  }
}
