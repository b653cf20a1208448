package import ByteReading

/// The flows that are in the kernel's map, as they were when that was last read.
package struct FlowTable: ~Copyable {
  package enum Sort: String, Hashable, Sendable, CaseIterable {
    case rate, bytes, packets, last, age
  }

  package private(set) var flows: [Flow] = []
  private var places: [FlowKey: Int] = [:]
  /// When it was last read.
  package private(set) var moment: Moment
  /// How many flows had packets in it, and how many bytes those had.
  package private(set) var activeCount = 0
  package private(set) var newBytes: UInt64 = 0
  package private(set) var newPackets: UInt64 = 0
  /// How many packets all the flows had.
  package private(set) var packets: UInt64 = 0
  package private(set) var bytes: UInt64 = 0
  private var order: [Place] = []

  /// When the map was read.
  package struct Moment: Hashable, Sendable {
    /// In nanoseconds of the monotonic clock, and how much that is behind 1970's.
    package internal(set) var time: UInt64
    package internal(set) var sinceEpoch: UInt64 = 0
    /// How long the interval was that ended then.
    package internal(set) var seconds: Double = 0
    /// How often the map has been read, from 1 on.
    var round: UInt32 = 0

    /// A count of the interval as one a second.
    func perSecond(_ count: UInt64) -> UInt64 {
      guard seconds > 0 else { return 0 }
      return UInt64(exactly: (Double(count) / seconds).rounded()) ?? .max
    }
  }

  private struct Place {
    let rank: UInt64
    let index: Int
  }

  /// - Parameter start: when counting begins.
  package init(start: UInt64) { moment = Moment(time: start) }

  /// Begins to read the map once more.
  package mutating func begin(at time: UInt64, sinceEpoch: UInt64) {
    moment.seconds = Double(time &- moment.time) / 1e9
    moment.time = time
    moment.sinceEpoch = sinceEpoch
    moment.round += 1
  }

  /// One of its elements. A flow may come twice while the map changes; what came last counts.
  package mutating func add(_ key: RawSpan, _ value: RawSpan) throws(TruncatedError) {
    let key = try FlowKey(key)
    if let place = places[key] {
      // Again in this round: nothing new can be told from it.
      guard flows[place].round != moment.round else { return }
      try flows[place].update(value, round: moment.round)
    } else {
      let flow = try Flow(key, value, round: moment.round)
      places[key] = flows.count
      flows.append(flow)
    }
  }

  /// All of it has been read: forgets what is not there any more, and adds up.
  package mutating func end() {
    var index = 0
    while index < flows.count {
      guard flows[index].round != moment.round else {
        index += 1
        continue
      }
      places[flows[index].key] = nil
      let last = flows.removeLast()
      guard index < flows.count else { continue }
      flows[index] = last
      places[last.key] = index
    }
    (activeCount, newBytes, newPackets, packets, bytes) = (0, 0, 0, 0, 0)
    for flow in flows {
      if flow.newPackets > 0 { activeCount += 1 }
      newBytes &+= flow.newBytes
      newPackets &+= flow.newPackets
      packets &+= flow.packets
      bytes &+= flow.bytes
    }
  }

  /// Goes through the flows in an order, the greatest first.
  /// - Parameters:
  ///   - onlyActive: those that had packets in the last interval.
  ///   - skipping: how many of the first are left out.
  ///   - limit: how many to show.
  package mutating func forEach(
    by sort: Sort, isReversed: Bool = false, onlyActive: Bool = false, skipping: Int = 0, limit: Int = .max,
    _ body: (Flow) -> Void
  ) {
    order.removeAll(keepingCapacity: true)
    for index in flows.indices where !onlyActive || flows[index].newPackets > 0 {
      order.append(Place(rank: rank(of: flows[index], by: sort), index: index))
    }
    let flows = flows
    order.sort { one, other in
      if one.rank != other.rank { return (one.rank > other.rank) != isReversed }
      let (one, other) = (flows[one.index], flows[other.index])
      if one.bytes != other.bytes { return one.bytes > other.bytes }
      return one.key.precedes(other.key)
    }
    for place in order.dropFirst(skipping).prefix(limit) { body(flows[place.index]) }
  }

  private func rank(of flow: Flow, by sort: Sort) -> UInt64 {
    switch sort {
    case .rate: flow.newBytes
    case .bytes: flow.bytes
    case .packets: flow.packets
    case .last: flow.last
    case .age: moment.time &- min(flow.first, moment.time)
    }
  }
}
