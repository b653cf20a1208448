internal import CaptureEvents

/// What is known of one end of a connection: the socket and whose it is.
package struct ConnectionEnd: Sendable {
  package var owner: ConnectionOwner
  /// Of the container that the owner runs in, in hexadecimal digits; empty where none is known.
  package var container: [UInt8]
  package var cookie: UInt64?
  package let namespace: UInt32
  /// When its first segment went out or came in, in nanoseconds of CLOCK_MONOTONIC; `nil` where that was before we looked.
  var opened: UInt64?
  /// When the socket was in no state any more.
  var closed: UInt64?
  let socket: UInt64
  /// When what is known of it was true.
  private var time: UInt64

  init(_ record: ConnectionRecord, container: [UInt8]) {
    (owner, self.container, cookie) = (record.owner, container, record.cookie)
    (namespace, opened, socket, time) = (record.namespace, record.opened, record.socket, record.time)
    closed = record.event == .closed ? record.time : nil
  }

  /// Whether the record is of this socket, and not of one that has its memory later.
  func isTold(by record: ConnectionRecord) -> Bool {
    record.socket == socket && record.namespace == namespace && closed.map { record.time <= $0 } ?? true
  }

  /// Takes what a record tells; one that is older than what is known adds only what was missing.
  mutating func learn(_ record: ConnectionRecord, container: [UInt8]) {
    cookie = cookie ?? record.cookie
    if record.event == .closed { closed = record.time }
    guard record.time >= time else { return }
    time = record.time
    opened = record.opened ?? opened
    // A step that knows only the user, or nobody, takes nothing back.
    if record.owner.hasTask || !owner.hasTask { (owner, self.container) = (record.owner, container) }
  }

  /// `curl.4242 #17`: the task, its process and the socket's cookie. See ``ConnectionOwner/write(limit:into:)``.
  func write(into out: inout OutputBuffer) {
    owner.write(into: &out)
    if owner.hasTask {
      out.append(".")
      out.appendDecimal(owner.process)
    }
    if let cookie {
      out.append(" #")
      out.appendDecimal(cookie)
    }
  }

  /// The same in words: `curl, pid 4242 (connected), socket 17`.
  func writeSentence(into out: inout OutputBuffer) {
    if owner.hasTask {
      owner.writeName(into: &out)
      out.append(", pid ")
      out.appendDecimal(owner.process)
    } else if owner.hasUser {
      out.append("user ")
      out.appendDecimal(owner.user)
    } else {
      out.append("somebody")
    }
    out.append(" (")
    out.append(owner.source.name)
    out.append(")")
    if let cookie {
      out.append(", socket ")
      out.appendDecimal(cookie)
    }
    if !container.isEmpty {
      out.append(", container ")
      out.append(container)
    }
  }

  /// An object with the names of ``ConnectionJSON``.
  func writeJSON(into out: inout OutputBuffer) {
    out.append(#"{"netns":"#)
    out.appendDecimal(namespace)
    out.append(#","socket_cookie":"#)
    if let cookie { out.appendDecimal(cookie) } else { out.append("null") }
    owner.writeJSONMembers(container: container, into: &out)
    out.append("}")
  }
}
