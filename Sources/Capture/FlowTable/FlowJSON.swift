package import CaptureEvents

/// One JSON object a flow and line, with dots in its names as ``PacketJSON`` has them. `a` is the end that opened the connection
/// (`"initiator":"syn"`), or else whose packet was the first that was seen (`"first_packet"`); `a.packets` is what it sent.
/// Counts are those of the map. Of a sample, `"sampled":N` says so, and what they stand for has `estimated` in its name.
package struct FlowJSON {
  let sample: UInt64
  private let interfaceName: (UInt32) -> String

  package init(sample: UInt64, interfaceName: @escaping (UInt32) -> String) {
    self.sample = sample
    self.interfaceName = interfaceName
  }

  package func write(_ flow: Flow, in table: FlowTable.Moment, into out: inout OutputBuffer) {
    out.append(#"{"time_epoch":""#)
    append(time: table.time, table, into: &out)
    out.append(#"","interface_name":""#)
    append(escaping: interfaceName(flow.key.interface), into: &out)
    out.append(#"","interface_index":"#)
    out.appendDecimal(flow.key.interface)
    field("ip.version", UInt64(flow.key.version), into: &out)
    field("ip.proto", UInt64(flow.key.protocolNumber), into: &out)
    out.append(#","protocol":""#)
    out.append(protocolOf: flow.key)
    out.append(#"""#)
    let isTCP = flow.key.protocolNumber == 6 && flow.key.kind == .ports
    write("a", flow.a, flow.aEnd, flow.key, isTCP: isTCP, table, into: &out)
    write("b", flow.b, flow.bEnd, flow.key, isTCP: isTCP, table, into: &out)
    switch flow.key.kind {
    case .ports: break
    case .addresses: if flow.key.lacksPorts { out.append(#","cut":true"#) }
    case .fragments: out.append(#","later_fragments":true"#)
    case .echo: field("icmp.ident", UInt64(flow.key.low.port), into: &out)
    case .message:
      field("icmp.type", UInt64(flow.key.low.port >> 8), into: &out)
      field("icmp.code", UInt64(flow.key.low.port & 0xff), into: &out)
    }
    out.append(flow.isInitiatorKnown ? #","initiator":"syn""# : #","initiator":"first_packet""#)
    field("interval_packets", flow.newPackets, into: &out)
    field("interval_bytes", flow.newBytes, into: &out)
    out.append(#","interval_seconds":"#)
    let milliseconds = UInt64(max(0, table.seconds) * 1000)
    out.appendDecimal(milliseconds / 1000)
    out.append(".")
    out.appendDecimal(UInt32(milliseconds % 1000), width: 3)
    if sample > 1 {
      field("sampled", sample, into: &out)
      field("estimated_packets", estimate(flow.packets), into: &out)
      field("estimated_bytes", estimate(flow.bytes), into: &out)
      field("estimated_packets_per_second", estimate(table.perSecond(flow.newPackets)), into: &out)
      field("estimated_bytes_per_second", estimate(table.perSecond(flow.newBytes)), into: &out)
    } else {
      field("packets_per_second", table.perSecond(flow.newPackets), into: &out)
      field("bytes_per_second", table.perSecond(flow.newBytes), into: &out)
    }
    out.append("}\n")
  }

  private func write(
    _ name: StaticString, _ side: FlowSide, _ end: FlowKey.Endpoint, _ key: FlowKey, isTCP: Bool,
    _ table: FlowTable.Moment, into out: inout OutputBuffer
  ) {
    func member(_ member: StaticString) {
      out.append(",\"")
      out.append(name)
      out.append(".")
      out.append(member)
      out.append("\":")
    }
    member("addr")
    out.append("\"")
    out.append(addressOf: end, version: key.version)
    out.append("\"")
    if key.kind == .ports {
      member("port")
      out.appendDecimal(end.port)
    }
    member("packets")
    out.appendDecimal(side.packets)
    member("bytes")
    out.appendDecimal(side.bytes)
    // Nothing more is known of an end that has not sent anything.
    guard side.first != 0 else { return }
    member("first_epoch")
    out.append("\"")
    append(time: side.first, table, into: &out)
    out.append("\"")
    member("last_epoch")
    out.append("\"")
    append(time: side.last, table, into: &out)
    out.append("\"")
    guard isTCP else { return }
    member("tcp.flags")
    out.append("\"0x")
    out.appendHex(UInt64(side.flags.rawValue), width: 4)
    out.append("\"")
    member("tcp.seq")
    out.appendDecimal(side.sequence)
    member("tcp.ack")
    out.appendDecimal(side.acknowledged)
  }

  private func estimate(_ value: UInt64) -> UInt64 {
    let (estimate, overflows) = value.multipliedReportingOverflow(by: sample)
    return overflows ? .max : estimate
  }

  private func field(_ name: StaticString, _ value: UInt64, into out: inout OutputBuffer) {
    out.append(",\"")
    out.append(name)
    out.append("\":")
    out.appendDecimal(value)
  }

  private func append(time: UInt64, _ table: FlowTable.Moment, into out: inout OutputBuffer) {
    out.appendSeconds(nanoseconds: time &+ table.sinceEpoch)
  }

  /// Names of interfaces come from anybody who may make some.
  private func append(escaping text: String, into out: inout OutputBuffer) {
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"):
        out.append("\\")
        out.append(byte)
      case ..<0x20:
        out.append("\\u")
        out.appendHex(UInt64(byte), width: 4)
      default: out.append(byte)
      }
    }
  }
}
