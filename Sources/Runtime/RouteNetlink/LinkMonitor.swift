import Glibc
package import LinuxCalls

/// News of interfaces: hears what rtnetlink tells everybody about links of the namespace (`RTMGRP_LINK`).
package struct LinkMonitor: ~Copyable, Sendable {
  package enum Event: Hashable, Sendable {
    /// New, or changed in some way.
    case changed(NetworkInterface)
    case gone(index: UInt32)
    /// More happened than the socket could hold: look again at whatever matters.
    case missedSome
  }

  private let socket: NetlinkSocket
  private static let linkGroup: UInt32 = 1

  package init() throws(SystemCallError) {
    socket = try NetlinkSocket(protocol: NetlinkSocket.route, groups: Self.linkGroup, isNonblocking: true)
  }

  /// To wait on.
  package var descriptor: FileDescriptor { _read { yield socket.descriptor } }

  /// What has happened since the last call, in order.
  package borrowing func events() -> [Event] {
    var events: [Event] = []
    while true {
      do throws(SystemCallError) {
        for message in NetlinkMessage.messages(in: try socket.receive()) {
          if message.type == RouteMessageType.newLink, let interface = NetworkInterface(message) {
            events.append(.changed(interface))
          } else if message.type == RouteMessageType.deleteLink, let index = message.payload.word(at: 4) {
            events.append(.gone(index: index))
          }
        }
      } catch {
        if error.errno == .noBuffers {
          events.append(.missedSome)
          continue
        }
        return events
      }
    }
  }
}
