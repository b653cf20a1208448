import Glibc
public import LinuxCalls

/// A request that the kernel refused, with its own words where it had some.
public struct NetlinkError: Error, Hashable, Sendable {
  /// What was attempted, on what: `attach XDP to eth0`.
  public let attempt: String
  public let errno: Errno
  /// The text of the extended acknowledgement (`NLMSGERR_ATTR_MSG`).
  public let kernelMessage: String?

  package init(attempt: String, errno: Errno, kernelMessage: String? = nil) {
    self.attempt = attempt
    self.errno = errno
    self.kernelMessage = kernelMessage
  }
}

extension NetlinkError: CustomStringConvertible {
  public var description: String {
    "\(attempt): \(errno)" + (kernelMessage.map { "; the kernel says: \($0)" } ?? "")
  }
}

/// A conversation with rtnetlink(7), in the network namespace of the thread that opened it.
package struct RouteSocket: ~Copyable, Sendable {
  private let socket: NetlinkSocket
  private let family: Int32

  private enum Flag {
    static let request: UInt16 = 1
    static let acknowledge: UInt16 = 4
    static let dumpInterrupted: UInt16 = 0x10
    static let dump: UInt16 = 0x300
    static let acknowledgementHasAttributes: UInt16 = 0x200
    static let acknowledgementIsCapped: UInt16 = 0x100
  }

  private enum MessageType {
    static let error: UInt16 = 2
    static let done: UInt16 = 3
  }

  /// - Parameter family: `NETLINK_ROUTE`, or `NETLINK_GENERIC`, which speaks the same way.
  package init(family: Int32 = NetlinkSocket.route) throws(NetlinkError) {
    self.family = family
    do { socket = try NetlinkSocket(protocol: family) } catch {
      throw NetlinkError(attempt: "open a netlink socket", errno: error.errno, kernelMessage: nil)
    }
  }

  /// Sends a request and waits for what the kernel makes of it.
  /// - Returns: the messages before the acknowledgement.
  @discardableResult
  borrowing func transact(_ attempt: String, _ request: NetlinkRequest) throws(NetlinkError) -> [NetlinkMessage] {
    try exchange(attempt, request.adding(flags: Flag.request | Flag.acknowledge))
  }

  /// Asks for everything of a kind. A table that changed meanwhile is read again.
  borrowing func dump(_ attempt: String, _ request: NetlinkRequest) throws(NetlinkError) -> [NetlinkMessage] {
    var messages: [NetlinkMessage] = []
    for _ in 0..<8 {
      messages = try exchange(attempt, request.adding(flags: Flag.request | Flag.dump))
      if !messages.contains(where: { $0.flags & Flag.dumpInterrupted != 0 }) { break }
    }
    return messages
  }

  /// Has a request sent when a signal ends the process; nobody waits for the answer.
  borrowing func lastMessage(_ request: NetlinkRequest) throws(SystemCallError) -> LastMessage {
    try LastMessage(request.adding(flags: Flag.request).finished(sequence: 0), to: socket)
  }

  private borrowing func exchange(_ attempt: String, _ request: NetlinkRequest) throws(NetlinkError) -> [NetlinkMessage]
  {
    let answer: Answer
    do { answer = try converse(request) } catch {
      throw NetlinkError(attempt: attempt, errno: error.errno, kernelMessage: nil)
    }
    switch answer {
    case .messages(let messages): return messages
    case .refusal(let errno, let text): throw NetlinkError(attempt: attempt, errno: errno, kernelMessage: text)
    }
  }

  private enum Answer {
    case messages([NetlinkMessage])
    case refusal(Errno, text: String?)
  }

  private borrowing func converse(_ request: NetlinkRequest) throws(SystemCallError) -> Answer {
    // One conversation at a time per socket, so any number serves; the time tells late answers of earlier ones apart.
    let sequence = UInt32(truncatingIfNeeded: Clock.monotonic)
    try socket.send(request.finished(sequence: sequence))
    var messages: [NetlinkMessage] = []
    while true {
      for message in NetlinkMessage.messages(in: try socket.receive()) where message.sequence == sequence {
        switch message.type {
        case MessageType.done: return .messages(messages)
        case MessageType.error:
          // `struct nlmsgerr`: 0 or a negative errno, then the header of the request or all of it, then attributes.
          let code = message.payload.word().map { Int32(bitPattern: $0) } ?? -EPROTO
          if code == 0 { return .messages(messages) }
          return .refusal(Errno(rawValue: code == .min ? EPROTO : -code), text: Self.text(of: message))
        default: messages.append(message)
        }
      }
    }
  }

  /// `NLMSGERR_ATTR_MSG` of an extended acknowledgement.
  private static func text(of message: NetlinkMessage) -> String? {
    guard message.flags & Flag.acknowledgementHasAttributes != 0, let echoed = message.payload.word(at: 4) else {
      return nil
    }
    let isCapped = message.flags & Flag.acknowledgementIsCapped != 0
    let request = isCapped ? NetlinkMessage.headerByteCount : (Int(echoed) + 3) & ~3
    return NetlinkAttributes.read(message.payload, from: 4 + request)[1]?.netlinkString
  }
}

extension NetlinkRequest {
  fileprivate func adding(flags: UInt16) -> NetlinkRequest {
    var request = self
    request.addFlags(flags)
    return request
  }
}
