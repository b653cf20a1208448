internal import CLinux
import Glibc

/// An epoll(7) instance: waits for input on several descriptors at once. Owns only itself, not what it watches.
package struct EventQueue: ~Copyable {
  /// Ready where something watched is, so that a queue can be watched itself.
  package let descriptor: FileDescriptor

  package init() throws(SystemCallError) {
    descriptor = FileDescriptor(adopting: try checked("epoll_create1", linux_epoll_create()))
  }

  /// Watches a descriptor; `token` tells it from the others.
  /// - Parameters:
  ///   - forOutput: wait for room to write instead of input.
  ///   - edgeTriggered: report only that something new has arrived, not that something is there.
  package borrowing func watch(
    _ watched: borrowing FileDescriptor, token: UInt64, forOutput: Bool = false, edgeTriggered: Bool = false
  ) throws(SystemCallError) {
    _ = try checked(
      "epoll_ctl",
      linux_epoll_add(descriptor.number, watched.number, token, forOutput ? 1 : 0, edgeTriggered ? 1 : 0))
  }

  /// Watches for the other end being closed: of a pipe or a socket that is written to. Regular files have none (`EPERM`).
  package borrowing func watchHangUp(of watched: borrowing FileDescriptor, token: UInt64) throws(SystemCallError) {
    _ = try checked("epoll_ctl", linux_epoll_add_hang_up(descriptor.number, watched.number, token))
  }

  /// Watches it no longer.
  package borrowing func unwatch(_ watched: borrowing FileDescriptor) throws(SystemCallError) {
    _ = try checked("epoll_ctl", linux_epoll_remove(descriptor.number, watched.number))
  }

  /// Waits until something is ready or the time is over; an interruption counts as the latter.
  /// - Parameters:
  ///   - milliseconds: `nil` waits for ever.
  ///   - body: gets the token of each ready descriptor, at most 16 a call.
  package borrowing func wait(milliseconds: Int?, _ body: (UInt64) -> Void) throws(SystemCallError) {
    var tokens = InlineArray<16, UInt64>(repeating: 0)
    let timeout = CInt(clamping: milliseconds ?? -1)
    let number = descriptor.number
    let count = unsafe withUnsafeMutableBytes(of: &tokens) { buffer in
      unsafe linux_epoll_wait(number, buffer.baseAddress?.assumingMemoryBound(to: UInt64.self), 16, timeout)
    }
    if count == -EINTR { return }
    for index in 0..<Int(try checked("epoll_wait", count)) { body(tokens[index]) }
  }
}

/// Signals as input: a signalfd(2). The signals are blocked for the thread that makes it and for those it starts later.
package struct SignalQueue: ~Copyable {
  package let descriptor: FileDescriptor

  package init(_ signals: [CInt]) throws(SystemCallError) {
    var signals = signals
    descriptor = FileDescriptor(
      adopting: try checked("signalfd", unsafe linux_signalfd(&signals, CInt(signals.count))))
  }

  /// The next signal that has arrived, `nil` when there is none.
  package borrowing func next() -> CInt? {
    // `struct signalfd_siginfo` begins with the number.
    var information = [UInt8](repeating: 0, count: 128)
    guard let count = try? descriptor.read(into: &information), count == 128 else { return nil }
    return CInt(information[0]) | CInt(information[1]) << 8
  }
}

/// A word from one thread to another that waits in an ``EventQueue``: an eventfd(2). Once given, it stays.
package final class Notification: Sendable {
  package let descriptor: FileDescriptor

  package init() throws(SystemCallError) {
    descriptor = FileDescriptor(adopting: try checked("eventfd", linux_eventfd()))
  }

  package func give() {
    let one: [UInt8] = [1, 0, 0, 0, 0, 0, 0, 0]
    // Fails only when it has been given already, 2^64 - 2 times.
    try? unsafe writeAll(one.span.bytes, to: descriptor.number)
  }

  /// How often it has been given since the last call.
  package func takeCount() -> Int {
    var count = [UInt8](repeating: 0, count: 8)
    // Fails only when it has not been given.
    guard (try? descriptor.read(into: &count)) != nil else { return 0 }
    return count.reversed().reduce(0) { $0 << 8 | Int($1) }
  }
}
