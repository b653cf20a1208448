/// Finds whose packets are, by their addresses and ports: what the records of connections told, and when each was there.
///
/// Memory is bounded: ends that are closed are kept for a while, since their last segments may still be under way, and
/// make room first, the longest closed before the others.
package struct ConnectionIndex: ~Copyable {
  private struct Addresses: Hashable {
    let local, remote: SocketAddress
  }

  private struct Entry {
    var latest: ConnectionEnd
    /// Others with the same addresses and ports, the newest first: those before, and those of other network namespaces.
    var others: [ConnectionEnd] = []
    /// Whether a packet of the latest has been seen.
    var isSeen = false

    mutating func learn(_ record: ConnectionRecord, container: [UInt8]) {
      if latest.isTold(by: record) { return latest.learn(record, container: container) }
      if let index = others.firstIndex(where: { $0.isTold(by: record) }) {
        return others[index].learn(record, container: container)
      }
      others.insert(latest, at: 0)
      others.removeAll { other in
        guard let closed = other.closed else {
          // One that is open in the same namespace cannot be: its end was not heard of.
          return other.namespace == record.namespace
        }
        return record.time > closed && record.time - closed > ConnectionIndex.overlap
      }
      latest = ConnectionEnd(record, container: container)
      isSeen = false
    }
  }

  private let capacity: Int
  private var entries: [Addresses: Entry] = [:]
  /// In the order in which they were closed; those before the start have been dealt with.
  private var closed: [(addresses: Addresses, time: UInt64)] = []
  private var closedStart = 0
  /// How many open ends had to make room.
  package private(set) var forgottenCount: UInt64 = 0

  /// How long the kernel keeps the addresses and ports of what it has closed: `TCP_TIMEWAIT_LEN`, in nanoseconds.
  private static let lingering: UInt64 = 60_000_000_000
  /// How much later than its first packet a connection may seem to have begun.
  private static let slack: UInt64 = 2_000_000
  /// How long packets of one connection may be waiting when the next with the same addresses and ports has begun.
  private static let overlap: UInt64 = 1_000_000_000

  /// - Parameter capacity: pairs of addresses and ports that are remembered, at least 1.
  package init(capacity: Int) { self.capacity = max(capacity, 1) }

  package var count: Int { entries.count }
  /// How many closed ends are noted: those that wait to make room, and some that have done so and have not been removed yet.
  package var closedCount: Int { closed.count }

  /// Learns what a record tells of an end.
  package mutating func learn(_ record: ConnectionRecord, container: [UInt8]) {
    switch record.event {
    case .begun, .opened, .accepted, .found, .closed: break
    case .refused, .aborted, .syn, .halfOpen: return
    }
    let addresses = Addresses(local: record.local, remote: record.remote)
    if record.event == .closed {
      closed.append((addresses, record.time))
      if closed.count - closedStart > capacity { forgetClosed() }
    }
    if let place = entries.index(forKey: addresses) {
      return entries.values[place].learn(record, container: container)
    }
    makeRoom()
    entries[addresses] = Entry(latest: ConnectionEnd(record, container: container))
  }

  /// What is known of the end that has these addresses and ports.
  /// - Parameters:
  ///   - time: of the packet, in nanoseconds of CLOCK_MONOTONIC.
  ///   - namespace: the inode of the network namespace that the packet was seen in. Where no end there fits, one of another
  ///     namespace does, if it is the only one: its packets pass through here.
  ///   - begins: whether the packet is a SYN, which is none of a connection that is over.
  package mutating func end(
    local: SocketAddress, remote: SocketAddress, at time: UInt64, in namespace: UInt32, begins: Bool
  ) -> ConnectionEnd? {
    guard let place = entries.index(forKey: Addresses(local: local, remote: remote)) else { return nil }
    entries.values[place].isSeen = true
    let entry = entries.values[place]
    func fits(_ end: ConnectionEnd) -> Bool {
      guard let closed = end.closed, time > closed else { return true }
      return !begins && time - closed < Self.lingering
    }
    func began(_ end: ConnectionEnd) -> Bool { end.opened.map { $0 <= time + Self.slack } ?? true }
    // Mostly there is one, for which nothing has to be allocated.
    guard !entry.others.isEmpty else {
      let end = entry.latest
      let isHere = end.namespace == namespace || !local.isLoopback
      return isHere && fits(end) ? end : nil
    }
    var fitting = ([entry.latest] + entry.others).filter(fits)
    if fitting.contains(where: { $0.namespace == namespace }) {
      fitting.removeAll { $0.namespace != namespace }
    } else if local.isLoopback || Set(fitting.map(\.namespace)).count > 1 {
      return nil
    }
    // When one began that the other side began is worked out, and may be a little wrong.
    return fitting.first(where: began) ?? fitting.last
  }

  /// Whether a packet of the connection has been asked for.
  package func hasSeen(_ record: ConnectionRecord) -> Bool {
    entries[Addresses(local: record.local, remote: record.remote)]?.isSeen ?? false
  }

  private mutating func makeRoom() {
    while entries.count >= capacity {
      if closedStart < closed.count {
        forgetClosed()
      } else {
        // The programs follow no more than fit; so the end of some was not heard of.
        entries.remove(at: entries.startIndex)
        forgottenCount += 1
      }
    }
  }

  /// Those that were closed longest ago.
  private mutating func forgetClosed() {
    let (addresses, time) = closed[closedStart]
    closedStart += 1
    // There may be others with the same addresses and ports since.
    if let entry = entries[addresses], entry.latest.closed == time, entry.others.allSatisfy({ $0.closed != nil }) {
      entries[addresses] = nil
    }
    // Removed in pieces, not one by one.
    if closedStart > closed.count / 2 {
      closed.removeFirst(closedStart)
      closedStart = 0
    }
  }
}
