internal import CLinux
import Glibc

/// A thread of its own, for work that blocks. It has to be joined.
@safe package final class JoinableThread: @unchecked Sendable {
  // Sendable: the only state is the thread's number, written once before anybody else sees the object.
  private var thread: pthread_t

  private final class Task {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }

  package init(_ body: @escaping @Sendable () -> Void) throws(SystemCallError) {
    var thread = pthread_t()
    let task = unsafe Unmanaged.passRetained(Task(body))
    let result = unsafe pthread_create(
      &thread, nil,
      { context in
        if let context = unsafe context { unsafe Unmanaged<Task>.fromOpaque(context).takeRetainedValue().body() }
        return nil
      }, task.toOpaque())
    guard result == 0 else {
      unsafe task.release()
      throw SystemCallError(call: "pthread_create", errno: Errno(rawValue: result))
    }
    self.thread = thread
  }

  /// sched_setaffinity(2): keeps the calling thread on one CPU while `body` runs; afterwards it may run on all.
  package static func onCPU(_ cpu: Int, _ body: () throws -> Void) throws {
    _ = try checked("sched_setaffinity", linux_stay_on_processor(CInt(clamping: cpu)))
    defer { _ = linux_stay_on_processor(-1) }
    try body()
  }

  package func join() { _ = pthread_join(thread, nil) }
}
