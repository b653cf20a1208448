/// The state of a TCP socket, by the kernel's numbers: include/net/tcp_states.h.
package enum SocketState: UInt8, Hashable, Sendable {
  case established = 1
  case synSent, synReceived, finWait1, finWait2, timeWait, close, closeWait, lastAck, listen, closing
  /// A connection that is being opened by another side, before there is a socket for it.
  case newSynReceived
  case boundInactive

  package var name: StaticString {
    switch self {
    case .established: "ESTABLISHED"
    case .synSent: "SYN_SENT"
    case .synReceived: "SYN_RECV"
    case .finWait1: "FIN_WAIT1"
    case .finWait2: "FIN_WAIT2"
    case .timeWait: "TIME_WAIT"
    case .close: "CLOSE"
    case .closeWait: "CLOSE_WAIT"
    case .lastAck: "LAST_ACK"
    case .listen: "LISTEN"
    case .closing: "CLOSING"
    case .newSynReceived: "NEW_SYN_RECV"
    case .boundInactive: "BOUND_INACTIVE"
    }
  }
}
