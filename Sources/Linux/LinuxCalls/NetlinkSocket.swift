internal import CLinux
import Glibc

/// A netlink(7) socket: requests to the kernel and its answers, as datagrams.
package struct NetlinkSocket: ~Copyable, Sendable {
  package let descriptor: FileDescriptor

  /// `NETLINK_ROUTE` and `NETLINK_GENERIC`, include/uapi/linux/netlink.h.
  package static let route: CInt = 0
  package static let generic: CInt = 16

  /// - Parameters:
  ///   - protocol: `NETLINK_ROUTE` or `NETLINK_GENERIC`.
  ///   - groups: a bit mask of the multicast groups to hear, such as `RTMGRP_LINK`.
  ///   - isNonblocking: receiving answers `EAGAIN` when nothing has come.
  package init(protocol number: CInt, groups: UInt32 = 0, isNonblocking: Bool = false) throws(SystemCallError) {
    let type = CInt(SOCK_RAW.rawValue) | (isNonblocking ? CInt(SOCK_NONBLOCK.rawValue) : 0)
    let descriptor = FileDescriptor(adopting: try checked("socket(AF_NETLINK)", linux_socket(AF_NETLINK, type, number)))
    var one: CInt = 1
    // Error texts, and strict checks of what a dump asks for; older kernels refuse, and do without.
    for option in [Self.extendedAcknowledgement, Self.strictCheck] {
      _ = unsafe linux_setsockopt(descriptor.number, Self.level, option, &one, 4)
    }
    _ = try checked("bind(AF_NETLINK)", linux_bind_netlink(descriptor.number, groups))
    self.descriptor = descriptor
  }

  /// `SOL_NETLINK`, `NETLINK_EXT_ACK` (4.12), `NETLINK_GET_STRICT_CHK` (4.20); include/uapi/linux/netlink.h.
  private static let level: CInt = 270
  private static let extendedAcknowledgement: CInt = 11
  private static let strictCheck: CInt = 12

  package borrowing func send(_ message: [UInt8]) throws(SystemCallError) {
    _ = try unsafe descriptor.send(message.span.bytes)
  }

  /// The next datagram of the kernel's; other processes may send some too, and those are not listened to. One that is
  /// larger than the kernel ever sends is an error, not cut short.
  package borrowing func receive() throws(SystemCallError) -> [UInt8] {
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let (count, sender) = try descriptor.receiveNetlink(into: &buffer)
      guard sender == 0 else { continue }
      guard count <= buffer.count else {
        throw SystemCallError(call: "recv(AF_NETLINK)", errno: Errno(rawValue: EMSGSIZE))
      }
      return Array(buffer[..<count])
    }
  }
}

/// A message that is sent when a signal ends the process that nobody handles, a crash among them: for what stays in the
/// kernel otherwise. Taken back when the value ends. SIGKILL cannot be caught.
///
/// Handlers of signals belong to the whole process, so this is for a program to decide, not for a library.
package struct LastMessage: ~Copyable, Sendable {
  private let number: CInt
  // Keeps the socket open for as long as the message may be sent.
  private let descriptor: FileDescriptor

  /// - Parameter message: at most 128 bytes; a longer one, and the ninth at a time, are not sent.
  package init(_ message: [UInt8], to socket: borrowing NetlinkSocket) throws(SystemCallError) {
    descriptor = try socket.descriptor.duplicate()
    number = unsafe linux_send_before_death(descriptor.number, message, message.count)
  }

  deinit { linux_no_send_before_death(number) }
}
