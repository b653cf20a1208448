/// A value that is being made on a thread of its own.
package final class Concurrently<Value: ~Copyable & Sendable>: @unchecked Sendable {
  // Sendable: only its owner uses it; the thread has nothing but `made`.
  private let made = Made<Value>()
  private var thread: JoinableThread?

  /// Begins to make the value, in the network namespace of the calling thread and with its blocked signals.
  /// - Parameter done: given when the value is there to be taken.
  package init(done: Notification, _ make: @escaping @Sendable () throws -> Value) throws(SystemCallError) {
    thread = try JoinableThread { [made] in
      do { made.result = .success(try make()) } catch { made.result = .failure(error) }
      done.give()
    }
  }

  /// Waits until it is made, and hands it over; once.
  package func take() throws -> Value {
    join()
    guard let result = made.result.take() else { preconditionFailure("the value has been taken") }
    return try result.get()
  }

  private func join() {
    thread?.join()
    thread = nil
  }

  deinit { join() }
}

/// What the thread makes. It may still be at it while its owner is going away and waits for it.
private final class Made<Value: ~Copyable & Sendable>: @unchecked Sendable {
  // Sendable: `result` is written by the one thread that makes it, and read after that has been joined.
  var result: Result<Value, any Error>?
}
