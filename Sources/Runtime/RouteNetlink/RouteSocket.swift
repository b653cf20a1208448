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

  /// The same with two requests in one message, which the kernel takes whole: no kill of the process comes in between. It
  /// carries out the second also when it refuses the first.
  borrowing func transact(
    _ first: (attempt: String, request: NetlinkRequest), _ second: (attempt: String, request: NetlinkRequest)
  ) throws(NetlinkError) -> (
    first: Result<[NetlinkMessage], NetlinkError>, second: Result<[NetlinkMessage], NetlinkError>
  ) {
    let requests = [first.request, second.request].map { $0.adding(flags: Flag.request | Flag.acknowledge) }
    let answers: [Answer]
    do { answers = try converse(requests) } catch { throw NetlinkError(attempt: first.attempt, errno: error.errno) }
    return (answers[0].result(of: first.attempt), answers[1].result(of: second.attempt))
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
    let answers: [Answer]
    do { answers = try converse([request]) } catch {
      throw NetlinkError(attempt: attempt, errno: error.errno, kernelMessage: nil)
    }
    return try answers[0].result(of: attempt).get()
  }

  private enum Answer {
    case messages([NetlinkMessage])
    case refusal(Errno, text: String?)

    func result(of attempt: String) -> Result<[NetlinkMessage], NetlinkError> {
      switch self {
      case .messages(let messages): .success(messages)
      case .refusal(let errno, let text): .failure(NetlinkError(attempt: attempt, errno: errno, kernelMessage: text))
      }
    }
  }

  /// - Returns: an answer to each.
  private borrowing func converse(_ requests: [NetlinkRequest]) throws(SystemCallError) -> [Answer] {
    // One conversation at a time per socket, so any numbers serve; the time tells late answers of earlier ones apart.
    let sequence = UInt32(truncatingIfNeeded: Clock.monotonic)
    var sent: [UInt8] = []
    for (index, request) in requests.enumerated() { sent += request.finished(sequence: sequence &+ UInt32(index)) }
    try socket.send(sent)
    var messages = [[NetlinkMessage]](repeating: [], count: requests.count)
    var answers = [Answer?](repeating: nil, count: requests.count)
    while answers.contains(where: { $0 == nil }) {
      for message in NetlinkMessage.messages(in: try socket.receive()) {
        let index = Int(message.sequence &- sequence)
        guard answers.indices.contains(index), answers[index] == nil else { continue }
        switch message.type {
        case MessageType.done: answers[index] = .messages(messages[index])
        case MessageType.error:
          // `struct nlmsgerr`: 0 or a negative errno, then the header of the request or all of it, then attributes.
          let code = message.payload.word().map { Int32(bitPattern: $0) } ?? -EPROTO
          answers[index] =
            code == 0
            ? .messages(messages[index])
            : .refusal(Errno(rawValue: code == .min ? EPROTO : -code), text: Self.text(of: message))
        default: messages[index].append(message)
        }
      }
    }
    return answers.compactMap(\.self)
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
