public import LinuxCalls

/// Many ring buffers that one reader waits for together, in one epoll set.
public struct RingBufferSet: ~Copyable, @unchecked Sendable {
  // Sendable: whoever owns the value is the one reader.
  private final class Member {
    let token: Int
    var ring: RingBuffer

    init(_ ring: consuming RingBuffer, token: Int) {
      self.ring = ring
      self.token = token
    }
  }

  private var members: [Member] = []
  private let queue: EventQueue

  public init() throws(SystemCallError) { queue = try EventQueue() }

  /// Ready where a ring is, for waiting together with others.
  package var descriptor: FileDescriptor { _read { yield queue.descriptor } }

  /// How many rings there are.
  public var count: Int { members.count }

  /// Takes a ring over.
  /// - Parameter token: comes back with each of its records; also what ``remove(_:)`` knows it by.
  public mutating func add(_ ring: consuming RingBuffer, token: Int) throws(SystemCallError) {
    guard !members.contains(where: { $0.token == token }) else {
      throw SystemCallError(call: "add ring buffer \(token) to a set that has one of that token", errno: .exists)
    }
    try queue.watch(ring.descriptor, token: UInt64(bitPattern: Int64(token)))
    members.append(Member(ring, token: token))
  }

  /// Ends the reading of a ring; what is in it is not read any more. Returns whether it was there.
  @discardableResult
  public mutating func remove(_ token: Int) throws(SystemCallError) -> Bool {
    guard let index = members.firstIndex(where: { $0.token == token }) else { return false }
    try queue.unwatch(members[index].ring.descriptor)
    members.remove(at: index)
    return true
  }

  /// Waits until a ring has a record, finished or not.
  /// - Parameter milliseconds: how long at most; `nil` for ever.
  /// - Returns: whether one has; false also after a signal.
  public borrowing func wait(milliseconds: Int? = nil) throws(SystemCallError) -> Bool {
    var isReady = false
    // The rings are asked anew at each wait, so that none is forgotten that was reported and not drained.
    try queue.wait(milliseconds: milliseconds) { _ in isReady = true }
    return isReady
  }

  /// Hands out the finished records of all rings, one ring after the other in the order in which they were added.
  /// - Parameters:
  ///   - limit: how many of one ring at most, so that a busy one does not keep the others waiting.
  ///   - body: the span is the record's payload, in the shared memory itself; it ends with the call.
  /// - Returns: how many records there were.
  @discardableResult
  public mutating func drain(limit: Int = .max, _ body: (_ token: Int, _ record: RawSpan) -> Void) -> Int {
    var count = 0
    for member in members {
      let token = member.token
      count += member.ring.drain(limit: limit) { body(token, $0) }
    }
    return count
  }
}
