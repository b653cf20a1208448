/// Where the two sequence number spaces of each connection begin, for numbers relative to that.
///
/// Memory is bounded: an entry takes 72 bytes and 4 in the buckets, the table grows by doubling up to its capacity, and from then on the
/// connection that was silent longest makes room for the new one. No allocation happens but for that growth.
struct ConnectionTable {
  /// The first sequence number of either direction, as seen from the key's first endpoint.
  struct Bases {
    var first: UInt32 = 0
    var second: UInt32 = 0
    var knowsFirst = false
    var knowsSecond = false
  }

  private struct Entry {
    var key: ConnectionKey
    var bases: Bases
    /// The next entry of the same bucket, or -1.
    var next: Int32
    /// Neighbours in the order of use, or -1.
    var newer: Int32
    var older: Int32
  }

  let capacity: Int
  private var entries: [Entry] = []
  /// The first entry of each bucket, or -1; a power of two of them, never fewer than entries.
  private var buckets: [Int32]
  private var newest: Int32 = -1
  private var oldest: Int32 = -1
  /// Differs from run to run, so that nobody can choose addresses which all fall into one bucket.
  private let secret: UInt64

  var count: Int { entries.count }

  /// - Parameter capacity: connections remembered at once, at least 1.
  init(capacity: Int) {
    self.capacity = min(max(capacity, 1), Int(Int32.max))
    buckets = Array(repeating: -1, count: 64)
    var hasher = Hasher()
    hasher.combine("connections")
    secret = UInt64(truncatingIfNeeded: hasher.finalize()) | 1
  }

  /// Finds a connection, or notes it as new with nothing known, and lets `body` look and change.
  /// - Parameter body: gets the bases and whether the connection is new.
  mutating func withBases<Result>(of key: ConnectionKey, _ body: (inout Bases, _ isNew: Bool) -> Result) -> Result {
    let hash = hash(key)
    var index = buckets[Int(hash & UInt64(buckets.count - 1))]
    while index >= 0 {
      if entries[Int(index)].key == key {
        moveToFront(index)
        return body(&entries[Int(index)].bases, false)
      }
      index = entries[Int(index)].next
    }
    let added = add(key, hash: hash)
    return body(&entries[added].bases, true)
  }

  private func hash(_ key: ConnectionKey) -> UInt64 {
    func mix(_ left: UInt64, _ right: UInt64) -> UInt64 {
      let product = (left ^ secret).multipliedFullWidth(by: right ^ 0x9e37_79b9_7f4a_7c15)
      return product.high ^ product.low
    }
    let addresses = mix(key.firstLow &+ key.portsAndVersion, key.secondLow ^ secret)
    guard key.firstHigh | key.secondHigh != 0 else { return mix(addresses, key.portsAndVersion) }
    return mix(mix(key.firstHigh, key.secondHigh ^ secret) ^ addresses, key.portsAndVersion)
  }

  private mutating func add(_ key: ConnectionKey, hash: UInt64) -> Int {
    let index: Int
    if entries.count < capacity {
      index = entries.count
      // An array left to itself would end with room for more than the capacity.
      if index == entries.capacity { entries.reserveCapacity(min(capacity, max(64, index * 2))) }
      entries.append(Entry(key: key, bases: Bases(), next: -1, newer: -1, older: -1))
      if entries.count > buckets.count { rehash() }
    } else {
      index = Int(oldest)
      unlink(Int32(index))
      removeFromBucket(Int32(index))
      entries[index] = Entry(key: key, bases: Bases(), next: -1, newer: -1, older: -1)
    }
    let bucket = Int(hash & UInt64(buckets.count - 1))
    entries[index].next = buckets[bucket]
    buckets[bucket] = Int32(index)
    link(Int32(index))
    return index
  }

  private mutating func rehash() {
    buckets = Array(repeating: -1, count: buckets.count * 2)
    // The last entry is the one being added; it goes into its bucket afterwards.
    for index in 0..<entries.count - 1 {
      let bucket = Int(hash(entries[index].key) & UInt64(buckets.count - 1))
      entries[index].next = buckets[bucket]
      buckets[bucket] = Int32(index)
    }
  }

  private mutating func removeFromBucket(_ index: Int32) {
    let bucket = Int(hash(entries[Int(index)].key) & UInt64(buckets.count - 1))
    guard buckets[bucket] != index else {
      buckets[bucket] = entries[Int(index)].next
      return
    }
    var before = buckets[bucket]
    while entries[Int(before)].next != index { before = entries[Int(before)].next }
    entries[Int(before)].next = entries[Int(index)].next
  }

  private mutating func moveToFront(_ index: Int32) {
    guard newest != index else { return }
    unlink(index)
    link(index)
  }

  private mutating func link(_ index: Int32) {
    entries[Int(index)].older = newest
    entries[Int(index)].newer = -1
    if newest >= 0 { entries[Int(newest)].newer = index }
    newest = index
    if oldest < 0 { oldest = index }
  }

  private mutating func unlink(_ index: Int32) {
    let (newer, older) = (entries[Int(index)].newer, entries[Int(index)].older)
    if newer >= 0 { entries[Int(newer)].older = older } else { newest = older }
    if older >= 0 { entries[Int(older)].newer = newer } else { oldest = newer }
  }
}
