/// A value that is being made on a thread of its own.
package final class Concurrently<Value: ~Copyable & Sendable>: @unchecked Sendable {
  // Sendable: `result` is written by the one thread that makes it, and read after that has been joined.
  private var result: Result<Value, any Error>?
  private var thread: JoinableThread?

  /// Begins to make the value, in the network namespace of the calling thread and with its blocked signals.
  /// - Parameter done: given when the value is there to be taken.
  package init(done: Notification, _ make: @escaping @Sendable () throws -> Value) throws(SystemCallError) {
    // `unowned`, because the thread never outlives the object: `deinit` waits for it.
    thread = try JoinableThread { [unowned self] in
      do { self.result = .success(try make()) } catch { self.result = .failure(error) }
      done.give()
    }
  }

  /// Waits until it is made, and hands it over; once.
  package func take() throws -> Value {
    join()
    guard let result = result.take() else { preconditionFailure("the value has been taken") }
    return try result.get()
  }

  private func join() {
    thread?.join()
    thread = nil
  }

  deinit { join() }
}
