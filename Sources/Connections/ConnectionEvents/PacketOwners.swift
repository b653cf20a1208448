package import CaptureEvents

/// Whose a packet is: what is known of the end that sent it and of the one that gets it, where they are on this machine.
package struct PacketOwners: Sendable {
  package let sender, receiver: ConnectionEnd?

  /// - Parameters:
  ///   - time: when it was seen, in nanoseconds of CLOCK_MONOTONIC.
  ///   - namespace: the inode of the network namespace that it was seen in.
  /// - Returns: `nil` where nothing is known, or it is none of TCP.
  package init?(
    of packet: Packet, in frame: RawSpan, at time: UInt64, namespace: UInt32, from index: inout ConnectionIndex
  ) {
    guard let (source, destination) = packet.tcpAddresses(in: frame) else { return nil }
    let begins = packet.tcp.flags.contains(.syn)
    sender = index.end(local: source, remote: destination, at: time, in: namespace, begins: begins)
    receiver = index.end(local: destination, remote: source, at: time, in: namespace, begins: begins)
    if sender == nil, receiver == nil { return nil }
  }

  /// What follows on the packet's line: `, by curl.4242 #17, for [nginx].801 #18`.
  package func writeText(into out: inout OutputBuffer) {
    write(", by ", ", for ", into: &out) { $0.write(into: &$1) }
  }

  /// Lines of its block of header fields.
  package func writeHeaders(into out: inout OutputBuffer) {
    write("Sender: ", "Receiver: ", end: "\n", into: &out) { $0.writeSentence(into: &$1) }
  }

  /// Members of its object, each with the comma before it.
  package func writeJSONMembers(into out: inout OutputBuffer) {
    write(#","sender":"#, #","receiver":"#, into: &out) { $0.writeJSON(into: &$1) }
  }

  /// A remark in a file: `sent by curl, pid 4242 (connected), socket 17; received by ...`.
  package func writeComment(into out: inout OutputBuffer) {
    write("sent by ", sender == nil ? "received by " : "; received by ", into: &out) { $0.writeSentence(into: &$1) }
  }

  private func write(
    _ sent: StaticString, _ received: StaticString, end: StaticString = "", into out: inout OutputBuffer,
    _ write: (ConnectionEnd, inout OutputBuffer) -> Void
  ) {
    if let sender {
      out.append(sent)
      write(sender, &out)
      out.append(end)
    }
    if let receiver {
      out.append(received)
      write(receiver, &out)
      out.append(end)
    }
  }
}
