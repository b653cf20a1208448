import FixturePrograms
import Foundation
import LinuxCalls
import Merops
import Synchronization
import Testing

/// Maps in the kernel: as root, one after the other.
@Suite(.serialized) struct MapTests {
  private func make(
    _ type: MapType, key: UInt32 = 4, value: UInt32 = 8, entries: UInt32 = 8, flags: MapFlags = []
  ) throws -> Map {
    if geteuid() != 0 { try Test.cancel("needs root: makes BPF maps") }
    return try Map(
      creating: MapSpec(name: "test", type: type, keySize: key, valueSize: value, maxEntries: entries, flags: flags))
  }

  /// A map that not every kernel has.
  private func make(
    _ type: MapType, since release: String, key: UInt32, value: UInt32, entries: UInt32
  ) throws -> Map {
    do { return try make(type, key: key, value: value, entries: entries) } catch let error as LoadError {
      if error.cause.errno == .invalidArgument { try Test.cancel("this kernel has no such maps (\(release))") }
      throw error
    }
  }

  private func reason(_ body: () throws -> Void) -> MapError.Reason? {
    let error = #expect(throws: MapError.self) { try body() }
    #expect(error?.report.isEmpty == false)
    return error?.reason
  }

  private static let hashes: [MapType] = [.hash, .lruHash, .perCPUHash, .lruPerCPUHash]
  private static let perCPU: [MapType] = [.perCPUHash, .lruPerCPUHash, .perCPUArray]

  // MARK: Elements

  @Test(arguments: [MapType.hash, .lruHash]) func elementsOfHashes(type: MapType) throws {
    let map = try make(type)
    #expect(try map.lookup(1 as UInt32, as: UInt64.self) == nil)
    #expect(try map.lookup([1, 0, 0, 0]) == nil)
    try map.update(1 as UInt32, to: 11 as UInt64, .onlyNew)
    #expect(try map.lookup(1 as UInt32, as: UInt64.self) == 11)
    #expect(try map.lookup([1, 0, 0, 0]) == [11, 0, 0, 0, 0, 0, 0, 0])
    try map.update(1 as UInt32, to: 12 as UInt64, .onlyExisting)
    try map.update([2, 0, 0, 0], to: [13, 0, 0, 0, 0, 0, 0, 0])
    #expect(try map.lookup(1 as UInt32, as: UInt64.self) == 12)
    #expect(try map.lookup(2 as UInt32, as: UInt64.self) == 13)
    #expect(reason { try map.update(1 as UInt32, to: 1 as UInt64, .onlyNew) } == .exists)
    #expect(reason { try map.update(7 as UInt32, to: 1 as UInt64, .onlyExisting) } == .noSuchKey)
    #expect(try map.delete(1 as UInt32))
    #expect(try !map.delete(1 as UInt32))
    #expect(try map.delete([2, 0, 0, 0]))
    #expect(reason { _ = try map.value(forKey: [2, 0, 0, 0]) } == .noSuchKey)
  }

  @Test func aFullHashSaysSo() throws {
    let map = try make(.hash)
    for key in 0..<8 as Range<UInt32> { try map.update(key, to: 0 as UInt64) }
    #expect(reason { try map.update(8 as UInt32, to: 0 as UInt64) } == .full)
    try map.update(7 as UInt32, to: 1 as UInt64)
  }

  @Test func elementsOfAnArray() throws {
    let map = try make(.array)
    #expect(try map.lookup(7 as UInt32, as: UInt64.self) == 0)
    #expect(try map.lookup(8 as UInt32, as: UInt64.self) == nil)
    try map.update(7 as UInt32, to: 1 as UInt64)
    #expect(try map.lookup(7 as UInt32, as: UInt64.self) == 1)
    #expect(reason { try map.update(8 as UInt32, to: 1 as UInt64) } == .noSuchKey)
    #expect(reason { try map.update(7 as UInt32, to: 1 as UInt64, .onlyNew) } == .exists)
    // Elements of arrays are always there.
    #expect(reason { try map.delete(7 as UInt32) } == .refused)
  }

  private struct Prefix: BitwiseCopyable {
    var length: UInt32
    var address: UInt32
  }

  @Test func elementsOfATrie() throws {
    let map = try make(.lpmTrie, key: 8, entries: 2, flags: .noPreallocation)
    try map.update(Prefix(length: 8, address: 10), to: 1 as UInt64)
    try map.update(Prefix(length: 16, address: 10 | 1 << 8), to: 2 as UInt64)
    #expect(try map.lookup(Prefix(length: 32, address: 10 | 1 << 8), as: UInt64.self) == 2)
    #expect(try map.lookup(Prefix(length: 32, address: 10 | 2 << 8), as: UInt64.self) == 1)
    #expect(try map.lookup(Prefix(length: 32, address: 11), as: UInt64.self) == nil)
    #expect(reason { try map.update(Prefix(length: 8, address: 11), to: 3 as UInt64) } == .full)
    #expect(reason { try map.update(Prefix(length: 33, address: 11), to: 3 as UInt64) } == .refused)
    #expect(try map.delete(Prefix(length: 8, address: 10)))
    #expect(try !map.delete(Prefix(length: 8, address: 10)))
  }

  @Test func wrongSizesNeverReachTheKernel() throws {
    let map = try make(.hash)
    #expect(reason { _ = try map.lookup([]) } == .keySize(0, expected: 4))
    #expect(reason { _ = try map.lookup([1, 2, 3, 4, 5]) } == .keySize(5, expected: 4))
    #expect(reason { _ = try map.lookup(1 as UInt64, as: UInt64.self) } == .keySize(8, expected: 4))
    #expect(reason { _ = try map.lookup(1 as UInt32, as: UInt32.self) } == .valueSize(4, expected: 8))
    #expect(reason { _ = try map.lookup((), as: UInt64.self) } == .keySize(0, expected: 4))
    #expect(reason { try map.update(1 as UInt32, to: 1 as UInt32) } == .valueSize(4, expected: 8))
    #expect(reason { try map.update([1, 2, 3, 4], to: []) } == .valueSize(0, expected: 8))
    #expect(reason { try map.delete(1 as UInt8) } == .keySize(1, expected: 4))
    #expect(reason { _ = try map.take(1 as UInt8, as: UInt64.self) } == .keySize(1, expected: 4))
    #expect(reason { _ = try map.lookupPerCPU(1 as UInt32, as: UInt64.self) } == .notSupported)
    let keys = [UInt8](repeating: 0, count: 9)
    #expect(reason { try map.delete(keys: unsafe keys.span.bytes) } == .keySize(1, expected: 4))
    #expect(
      reason { try map.update(keys: unsafe keys.span.bytes.extracting(..<8), values: unsafe keys.span.bytes) }
        == .valueSize(9, expected: 16))
  }

  private struct Padded: BitwiseCopyable, Equatable {
    var first: UInt64
    var second: UInt32
  }

  /// C's structure has padding at its end, which Swift's size does not count.
  @Test func paddingAtTheEndIsZero() throws {
    #expect(MemoryLayout<Padded>.size == 12 && MemoryLayout<Padded>.stride == 16)
    for size in [12, 16] as [UInt32] {
      let map = try make(.hash, key: size, value: size)
      let value = Padded(first: .max, second: .max)
      try map.update(value, to: value)
      #expect(try map.lookup(value, as: Padded.self) == value)
      let bytes = [UInt8](repeating: 255, count: 12) + [UInt8](repeating: 0, count: Int(size) - 12)
      #expect(try map.lookup(bytes) == bytes)
    }
  }

  @Test(arguments: perCPU) func eachCPUHasItsValue(type: MapType) throws {
    // Values of 12 bytes lie 16 bytes apart.
    let map = try make(type, value: 12)
    let cpus = try possibleCPUCount()
    let values = (0..<cpus).map { Padded(first: UInt64($0) + 1, second: UInt32($0) + 100) }
    try map.updatePerCPU(1 as UInt32, to: values)
    #expect(try map.lookupPerCPU(1 as UInt32, as: Padded.self) == values)
    #expect(try map.value(forKey: [1, 0, 0, 0]).count == 16 * cpus)
    #expect(try map.lookupPerCPU(8 as UInt32, as: Padded.self) == nil)
    #expect(
      reason { try map.updatePerCPU(1 as UInt32, to: values + values) } == .valueSize(32 * cpus, expected: 16 * cpus))
    #expect(reason { _ = try map.lookupPerCPU(1 as UInt32, as: UInt64.self) } == .valueSize(8, expected: 12))
  }

  @Test(arguments: hashes) func takingReadsAndDeletes(type: MapType) throws {
    let map = try make(type)
    let value = [UInt8](repeating: 3, count: Self.perCPU.contains(type) ? 8 * (try possibleCPUCount()) : 8)
    try map.update([1, 0, 0, 0], to: value)
    do {
      #expect(try map.take([1, 0, 0, 0]) == value)
      #expect(try map.take([1, 0, 0, 0]) == nil)
      #expect(try map.lookup([1, 0, 0, 0]) == nil)
    } catch {
      // Hashes have it since 5.14.
      #expect(error.reason == .notSupported)
      try Test.cancel("this kernel cannot look up and delete in one step")
    }
  }

  // MARK: Many elements

  private func fill(_ map: Map, _ count: UInt32, ways: [BatchWay]) throws -> BatchWay {
    let keys = Array(0..<count)
    let cpus = Self.perCPU.contains(map.spec.type) ? try possibleCPUCount() : 1
    let values = keys.flatMap { key in (0..<cpus).map { UInt64(key) * 1000 + UInt64($0) } }
    return try unsafe map.update(keys: keys.span.bytes, values: values.span.bytes, ways: ways)
  }

  private func contents(
    _ map: Map, takingOut: Bool = false, ways: [BatchWay]
  ) throws -> (values: [UInt32: UInt64], way: BatchWay) {
    var values: [UInt32: UInt64] = [:]
    let way = try map.forEachElement(takingOut: takingOut, batchCount: 7, ways: ways) { key, value in
      let last = value.byteCount - 8
      values[unsafe key.unsafeLoadUnaligned(as: UInt32.self)] =
        unsafe value.unsafeLoadUnaligned(fromByteOffset: last, as: UInt64.self)
    }
    return (values, way)
  }

  /// Every way for every type gives the same; where batches are refused, the default goes singly and says so.
  @Test(arguments: hashes + [.array, .perCPUArray, .lpmTrie], [BatchWay.batches, .singly])
  func manyElements(type: MapType, way: BatchWay) throws {
    let count: UInt32 = 33
    let isTrie = type == .lpmTrie
    // Those that forget do so before they are full. Full tries refuse to replace on 5.10.
    let tested = try make(
      type, key: isTrie ? 8 : 4,
      entries: type == .lruHash || type == .lruPerCPUHash ? 10_000 : isTrie ? count + 1 : count,
      flags: isTrie ? .noPreallocation : [])
    // The keys of a trie begin with the prefix's length: prefixes of 0 to 32 bits, all zero.
    let keys: [UInt32] = (0..<count).flatMap { key -> [UInt32] in isTrie ? [key, 0] : [key] }
    let cpus = Self.perCPU.contains(type) ? try possibleCPUCount() : 1
    let values = (0..<count).flatMap { key in (0..<cpus).map { UInt64(key) * 1000 + UInt64($0) } }
    let expected = Dictionary(uniqueKeysWithValues: (0..<count).map { ($0, UInt64($0) * 1000 + UInt64(cpus) - 1) })
    // By default it goes in batches wherever it can.
    var usual: [BatchWay] = []
    var refusals = 0
    defer { if way == .batches, refusals == 0 { #expect(usual.allSatisfy { $0 == .batches }) } }
    func refusedOr(_ body: () throws -> BatchWay) throws {
      do { #expect(try body() == way) } catch let error as MapError {
        #expect(way == .batches)
        #expect(error.reason == .notSupported)
        refusals += 1
      }
    }
    try refusedOr { try unsafe tested.update(keys: keys.span.bytes, values: values.span.bytes, ways: [way]) }
    let taken = try unsafe tested.update(keys: keys.span.bytes, values: values.span.bytes)
    usual.append(taken)
    try refusedOr {
      let found = try contents(tested, ways: [way])
      #expect(found.values == expected)
      return found.way
    }
    let all = try contents(tested, ways: BatchWay.allCases)
    #expect(all.values == expected)
    usual.append(all.way)
    guard type != .array, type != .perCPUArray else {
      #expect(reason { try tested.delete(keys: unsafe keys.span.bytes) } != nil)
      return
    }
    // Half of it, and keys that are not there between.
    let half = (0..<count).map { $0 * 2 }
    if !isTrie {
      try refusedOr {
        let deleted = try unsafe tested.delete(keys: half.span.bytes, ways: [way])
        #expect(deleted.count == Int(count + 1) / 2)
        return deleted.way
      }
    }
    let deleted = try unsafe tested.delete(keys: keys.span.bytes)
    usual.append(deleted.way)
    #expect(try contents(tested, ways: [.singly]).values.isEmpty)
  }

  @Test(arguments: hashes, BatchWay.allCases) func takingOutAll(type: MapType, way: BatchWay) throws {
    let map = try make(type, entries: 10_000)
    _ = try fill(map, 500, ways: BatchWay.allCases)
    do {
      let found = try contents(map, takingOut: true, ways: [way])
      #expect(found.way == way)
      #expect(found.values.count == 500)
    } catch let error as MapError {
      // 5.14
      #expect(way == .singly && error.reason == .notSupported)
      // The next way is taken where this one is not known.
      let found = try contents(map, takingOut: true, ways: [.singly, .readThenDelete])
      #expect(found.way == .readThenDelete)
      #expect(found.values.count == 500)
    }
    #expect(try contents(map, ways: [.singly]).values.isEmpty)
  }

  @Test func rulesGoSinglyAndTheErrorTellsHowFarItCame() throws {
    let map = try make(.hash)
    let (keys, values): ([UInt32], [UInt64]) = ([1, 2, 3, 2], [1, 2, 3, 4])
    let error = try #require(
      throws: MapError.self
    ) { try unsafe map.update(keys: keys.span.bytes, values: values.span.bytes, .onlyNew) }
    #expect(error.reason == .exists && error.doneCount == 3)
    #expect(try map.lookup(2 as UInt32, as: UInt64.self) == 2)
    for way in [BatchWay.batches, .singly] {
      let many = Array(0..<20 as Range<UInt32>)
      let error = try #require(throws: MapError.self) {
        try unsafe map.update(
          keys: many.span.bytes, values: [UInt64](repeating: 0, count: 20).span.bytes, ways: [way])
      }
      #expect(error.reason == .full && error.doneCount >= 5 && error.doneCount < 20)
    }
  }

  /// A bucket with more elements than a batch has room for makes the batch grow.
  @Test func batchesGrow() throws {
    let map = try make(.hash, entries: 5000)
    _ = try fill(map, 5000, ways: BatchWay.allCases)
    var count = 0
    let way = try map.forEachElement(batchCount: 1) { _, _ in count += 1 }
    #expect(count == 5000)
    #expect(way == .batches)
    for hostile in [0, -1, .max, .min] {
      count = 0
      try map.forEachElement(batchCount: hostile) { _, _ in count += 1 }
      #expect(count == 5000)
    }
  }

  @Test func deletingWhileGoingThrough() throws {
    let map = try make(.hash, entries: 1000)
    _ = try fill(map, 1000, ways: BatchWay.allCases)
    var count = 0
    try map.forEachKey { (key) throws(MapError) in
      count += 1
      try map.delete(unsafe key.unsafeLoadUnaligned(as: UInt32.self))
    }
    #expect(count == 1000)
    #expect(try contents(map, ways: [.singly]).values.isEmpty)
  }

  /// The key that is being looked behind is always gone, so that the kernel always starts again.
  @Test func goingThroughEnds() throws {
    let map = try make(.hash)
    for key in 1...2 as ClosedRange<UInt32> { try map.update(key, to: 0 as UInt64) }
    let answer = reason {
      try map.forEachKey { (key) throws(MapError) in
        let key = unsafe key.unsafeLoadUnaligned(as: UInt32.self)
        try map.delete(3 - key)
        try map.update(key, to: 0 as UInt64)
      }
    }
    #expect(answer == .keepsChanging)
  }

  /// What follows a key that is not there: the first one, or what follows a key beside its place.
  private func trieTakesOneKeyForAnother() throws -> Bool {
    let map = try make(.lpmTrie, key: 8, entries: 2, flags: .noPreallocation)
    let (one, three) = (Prefix(length: 32, address: 1 << 24), Prefix(length: 32, address: 3 << 24))
    for key in [one, three] { try map.update(key, to: 0 as UInt64) }
    let missing = [UInt32(32), 0]
    var next: [UInt32] = [0, 0]
    let number = map.descriptor.number
    try unsafe missing.withUnsafeBytes { missing in
      try unsafe next.withUnsafeMutableBytes { next in
        try unsafe BPF.element(
          .nextKey, of: number, key: missing.baseAddress, value: UnsafeRawPointer(next.baseAddress))
      }
    }
    return next != [one.length, one.address]
  }

  /// Others add and delete keys all the time: those that stay come all the same.
  @Test(arguments: [MapType.hash, .lpmTrie], [BatchWay.batches, .singly])
  func whatStaysComes(type: MapType, way: BatchWay) throws {
    let isTrie = type == .lpmTrie
    if isTrie, try trieTakesOneKeyForAnother() {
      try Test.cancel("this kernel's tries take another key for one that was deleted, and go on behind that")
    }
    let map = try make(type, key: isTrie ? 8 : 4, entries: 4000, flags: isTrie ? .noPreallocation : [])
    let stays: UInt32 = 1000
    let update = { @Sendable (key: UInt32) in
      if isTrie {
        try? map.update(Prefix(length: 32, address: key), to: 0 as UInt64)
      } else {
        try? map.update(key, to: 0 as UInt64)
      }
    }
    for key in 0..<stays { update(key * 2) }
    let isOver = Flag()
    let other = try JoinableThread {
      var round: UInt32 = 0
      while !isOver.isSet {
        round += 1
        let key = (round &* 7919) % stays * 2 + 1
        update(key)
        if isTrie { _ = try? map.delete(Prefix(length: 32, address: key)) } else { _ = try? map.delete(key) }
        if round % 64 == 0 { sleepMilliseconds(1) }
      }
    }
    defer {
      isOver.set()
      other.join()
    }
    var seenOnce = Set<UInt32>()
    for _ in 0..<20 {
      var seen = Set<UInt32>()
      var count = 0
      do {
        try map.forEachElement(ways: [way]) { key, _ in
          let number = unsafe key.unsafeLoadUnaligned(fromByteOffset: key.byteCount - 4, as: UInt32.self)
          if number % 2 == 0 {
            seen.insert(number)
            count += 1
          }
        }
      } catch {
        if isTrie && way == .batches && error.reason == .notSupported { return }
        throw error
      }
      seenOnce.formUnion(seen)
      // A walk through a trie may miss what is beside a node that is just added.
      if type == .hash { #expect(seen.count == Int(stays)) }
      if type == .hash && way == .batches { #expect(count == Int(stays)) }
    }
    #expect(seenOnce.count == Int(stays))
  }

  private final class Flag: Sendable {
    private let flag = Atomic(false)
    var isSet: Bool { flag.load(ordering: .relaxed) }
    func set() { flag.store(true, ordering: .relaxed) }
  }

  @Test func mapsWithoutKeysCannotBeGoneThrough() throws {
    let map = try make(.queue, key: 0)
    #expect(reason { try map.forEachElement { _, _ in } } == .notSupported)
    #expect(reason { try map.forEachKey { _ in } } == .notSupported)
    #expect(reason { try map.delete(keys: unsafe [1].span.bytes) } == .notSupported)
    // Nothing, too, is not there.
    let empty = try make(.hash)
    #expect(try contents(empty, ways: BatchWay.allCases).values.isEmpty)
    #expect(try empty.delete(keys: unsafe [UInt8]().span.bytes).count == 0)
    #expect(reason { try empty.forEachElement(ways: []) { _, _ in } } == .notSupported)
  }

  // MARK: Kinds

  @Test(arguments: [MapType.queue, .stack]) func queuesAndStacks(type: MapType) throws {
    let map = try make(type, key: 0, entries: 3)
    #expect(try map.pop(UInt64.self) == nil)
    #expect(try map.peek(UInt64.self) == nil)
    for value in 1...3 as ClosedRange<UInt64> { try map.push(value) }
    #expect(reason { try map.push(4 as UInt64) } == .full)
    let order: [UInt64] = type == .queue ? [1, 2, 3] : [3, 2, 1]
    #expect(try map.peek(UInt64.self) == order[0])
    for value in order { #expect(try map.pop(UInt64.self) == value) }
    for value in 1...4 as ClosedRange<UInt64> { try map.push(value, replacingOldest: true) }
    #expect(try map.peek(UInt64.self) == (type == .queue ? 2 : 4))
    #expect(reason { try map.push(4 as UInt32) } == .valueSize(4, expected: 8))
    let hash = try make(.hash)
    #expect(reason { try hash.push(1 as UInt64) } == .notSupported)
    #expect(reason { _ = try hash.pop(UInt64.self) } == .notSupported)
  }

  @Test func bloomFilter() throws {
    let map = try make(.bloomFilter, since: "5.16", key: 0, value: 8, entries: 1000)
    #expect(try !map.mayContain(1 as UInt64))
    for value in 1...100 as ClosedRange<UInt64> { try map.insert(value) }
    for value in 1...100 as ClosedRange<UInt64> { #expect(try map.mayContain(value)) }
    let wrong = try (1000..<2000 as Range<UInt64>).count { try map.mayContain($0) }
    #expect(wrong < 200)
    #expect(reason { _ = try map.mayContain(1 as UInt32) } == .valueSize(4, expected: 8))
  }

  @Test(arguments: [MapType.arrayOfMaps, .hashOfMaps]) func mapsOfMaps(type: MapType) throws {
    if geteuid() != 0 { try Test.cancel("needs root: makes BPF maps") }
    var spec = MapSpec(name: "outer", type: type, keySize: 4, valueSize: 4, maxEntries: 4)
    spec.inner = [MapSpec(name: "inner", type: .hash, keySize: 4, valueSize: 8, maxEntries: 8)]
    let outer = try Map(creating: spec)
    let first = try make(.hash)
    try first.update(1 as UInt32, to: 5 as UInt64)
    try outer.put(first, forKey: 2 as UInt32)
    let id = try #require(try outer.objectID(forKey: 2 as UInt32))
    #expect(try id == first.information().id)
    #expect(try Map(id: id).lookup(1 as UInt32, as: UInt64.self) == 5)
    #expect(try outer.objectID(forKey: 3 as UInt32) == nil)
    // Of another kind than the first.
    let other = try make(.array)
    #expect(reason { try outer.put(other, forKey: 2 as UInt32) } == .refused)
    #expect(try outer.delete(2 as UInt32))
    #expect(try outer.objectID(forKey: 2 as UInt32) == nil)
    #expect(reason { try first.put(other, forKey: 2 as UInt32) } == .notSupported)
    var count = 0
    try outer.put(first, forKey: 1 as UInt32)
    try outer.forEachElement { _, value in
      count += 1
      #expect(value.byteCount == 4)
    }
    #expect(count == 1)
  }

  @Test func arraysOfPrograms() throws {
    let map = try make(.programArray, value: 4)
    let object = try LoadedObject(loading: LoadPlan(ObjectSpec(name: "watch.bpf.o", bytes: watchObject())))
    let program = try #require(object.program("watch"))
    try map.put(program, at: 3)
    #expect(try map.objectID(forKey: 3 as UInt32) == program.id())
    #expect(try map.objectID(forKey: 2 as UInt32) == nil)
    #expect(reason { try map.put(program, at: 8) } == .noSuchKey)
    #expect(try map.delete(3 as UInt32))
    #expect(try map.objectID(forKey: 3 as UInt32) == nil)
  }

  /// One map of bpf/fixtures/storage.bpf.c.
  private func storage(_ name: String) throws -> Map {
    if geteuid() != 0 { try Test.cancel("needs root: makes BPF maps") }
    var spec = try ObjectSpec(name: "storage.bpf.o", bytes: storageObject())
    for index in spec.maps.indices { spec.maps[index].isWanted = spec.maps[index].name == name }
    do {
      return try #require(
        try LoadedObject(loading: LoadPlan(spec, kernel: .running(for: spec))).map(name))
    } catch let error as LoadError {
      if error.cause.errno == .invalidArgument { try Test.cancel("this kernel has no such maps: \(error.report)") }
      throw error
    }
  }

  private func owner(of name: String) throws -> FileDescriptor {
    switch name {
    case "of_sockets": return try FileDescriptor(socket: AF_INET, type: 2, protocol: 0)
    case "of_inodes": return try FileDescriptor(opening: "/", flags: O_RDONLY)
    case "of_tasks": return try FileDescriptor(ofProcess: getpid())
    default:
      let directory = FileManager.default.temporaryDirectory.appending(path: "cgroup-\(UUID().uuidString)").path
      try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(atPath: directory) }
      try run("mount", "-t", "cgroup2", "none", directory)
      defer { try? run("umount", "-l", directory) }
      return try FileDescriptor(opening: directory, flags: O_RDONLY)
    }
  }

  @Test(arguments: ["of_sockets", "of_inodes", "of_tasks", "of_cgroups"])
  func localStorage(name: String) throws {
    let map = try storage(name)
    let owner = try owner(of: name)
    let stranger = try FileDescriptor(opening: "/dev/null", flags: O_RDONLY)
    #expect(try map.lookup(of: owner, as: UInt64.self) == nil)
    do { try map.update(of: owner, to: 7 as UInt64) } catch {
      let modules = String(
        decoding: (try? LinuxCalls.contents(ofFile: "/sys/kernel/security/lsm")) ?? [], as: UTF8.self)
      guard name == "of_inodes", error.cause?.errno == .badDescriptor, !modules.split(separator: ",").contains("bpf")
      else { throw error }
      #expect(error.report.contains("/sys/kernel/security/lsm"))
      try Test.cancel("bpf is not among the active security modules: \(modules)")
    }
    #expect(try map.lookup(of: owner, as: UInt64.self) == 7)
    #expect(reason { try map.update(of: owner, to: 8 as UInt64, .onlyNew) } == .exists)
    try map.update(of: owner, to: 9 as UInt64, .onlyExisting)
    #expect(try map.lookup(of: owner, as: UInt64.self) == 9)
    #expect(try map.delete(of: owner))
    #expect(try !map.delete(of: owner))
    if name != "of_inodes" { #expect(reason { try map.update(of: stranger, to: 1 as UInt64) } != nil) }
    #expect(reason { try map.update(of: owner, to: 1 as UInt32) } == .valueSize(4, expected: 8))
    #expect(reason { _ = try make(.hash).lookup(of: owner, as: UInt64.self) } == .notSupported)
  }

  private struct Guarded: BitwiseCopyable {
    var lock: UInt32 = 0
    var first: UInt32
    var second: UInt64
  }

  @Test func lockedAccess() throws {
    let map = try storage("guarded")
    try map.update(1 as UInt32, to: Guarded(first: 1, second: 2), locked: true)
    let value = try #require(try map.lookup(1 as UInt32, as: Guarded.self, locked: true))
    #expect(value.lock == 0 && value.first == 1 && value.second == 2)
    for way in [BatchWay.batches, .singly] {
      var count = 0
      try map.forEachElement(locked: true, ways: [way]) { _, _ in count += 1 }
      #expect(count == 1)
    }
    let plain = try make(.hash)
    #expect(reason { try plain.update(1 as UInt32, to: 1 as UInt64, locked: true) } == .refused)
    #expect(reason { _ = try plain.lookup(1 as UInt32, as: UInt64.self, locked: true) } == .refused)
  }

  // MARK: Life

  @Test func aFrozenMapIsOnlyRead() throws {
    let map = try make(.hash)
    try map.update(1 as UInt32, to: 1 as UInt64)
    #expect(try !map.information().isFrozen)
    try map.freeze()
    #expect(try map.information().isFrozen)
    #expect(try map.lookup(1 as UInt32, as: UInt64.self) == 1)
    #expect(reason { try map.update(1 as UInt32, to: 2 as UInt64) } == .frozen)
    #expect(reason { try map.delete(1 as UInt32) } == .frozen)
    #expect(reason { _ = try map.take(1 as UInt32, as: UInt64.self) } == .frozen)
    for way in [BatchWay.batches, .singly] {
      #expect(reason { try map.delete(keys: unsafe [1 as UInt32].span.bytes, ways: [way]) } == .frozen)
    }
  }

  @Test func accessByFlags() throws {
    let readOnly = try make(.hash, flags: .readOnly)
    #expect(reason { try readOnly.update(1 as UInt32, to: 2 as UInt64) } == .accessMode)
    let writeOnly = try make(.hash, flags: .writeOnly)
    try writeOnly.update(1 as UInt32, to: 2 as UInt64)
    #expect(reason { _ = try writeOnly.lookup(1 as UInt32, as: UInt64.self) } == .accessMode)
    #expect(reason { try writeOnly.forEachKey { _ in } } == .accessMode)
  }

  @Test func pinnedMapsAreAdoptedOrTheDifferencesNamed() throws {
    let map = try make(.hash)
    try map.update(1 as UInt32, to: 5 as UInt64)
    let directory = FileManager.default.temporaryDirectory.appending(path: "pins-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: directory) }
    try run("mount", "-t", "bpf", "bpf", directory)
    defer { try? run("umount", directory) }
    let path = directory + "/mine"
    try map.pin(at: path)
    let adopted = try Map(pinnedAt: path, as: map.spec)
    #expect(try adopted.lookup(1 as UInt32, as: UInt64.self) == 5)
    let unknown = try Map(pinnedAt: path)
    #expect(unknown.name == "test" && unknown.spec.type == .hash && unknown.spec.maxEntries == 8)
    #expect(try unknown.lookup(1 as UInt32, as: UInt64.self) == 5)
    var other = map.spec
    other.valueSize = 16
    other.maxEntries = 9
    let error = try #require(throws: LoadError.self) { try Map(pinnedAt: path, as: other) }
    #expect(error.report.contains("value size 8, not 16"))
    #expect(error.report.contains("number of entries 8, not 9"))
    let missing = try #require(throws: LoadError.self) { try Map(pinnedAt: path + "s", as: map.spec) }
    #expect(missing.cause.errno == .noSuchFile)
    #expect(throws: LoadError.self) { try map.pin(at: path) }
    #expect(throws: LoadError.self) { try Map(pinnedAt: directory) }
  }

  @Test func mapsAreFoundByTheirNumbers() throws {
    let map = try make(.perCPUHash, value: 12)
    let information = try map.information()
    #expect(information.name == "test" && information.type == .perCPUHash)
    #expect(try Map.ids().contains(information.id))
    let again = try Map(id: information.id)
    #expect(again.spec.keySize == 4 && again.spec.valueSize == 12)
    let error = try #require(throws: LoadError.self) { try Map(id: .max) }
    #expect(error.cause.errno == .noSuchFile)
  }

  @Test func valuesOfAnArrayInPlace() throws {
    let map = try make(.array, value: 12, entries: 1000, flags: .mappable)
    let values = try MappedArray(map, writable: true)
    try map.update(999 as UInt32, to: Padded(first: 3, second: 4))
    let seen = values.withBytes(at: 999) { unsafe ($0.byteCount, $0.unsafeLoadUnaligned(as: UInt64.self)) }
    #expect(try #require(seen) == (12, 3))
    let answer: Void? = values.withMutableBytes(at: 1) { $0.storeBytes(of: 77 as UInt64, as: UInt64.self) }
    #expect(answer != nil)
    #expect(try map.lookup(1 as UInt32, as: Padded.self)?.first == 77)
    for hostile in [-1, 1000, .max, .min] {
      #expect(values.withBytes(at: hostile) { _ in 1 } == nil)
      #expect(values.withMutableBytes(at: hostile) { _ in 1 } == nil)
    }
    let readOnly = try MappedArray(map)
    #expect(readOnly.withMutableBytes(at: 0) { _ in 1 } == nil)
    var refusal: MapError.Reason?
    do { _ = try MappedArray(make(.array)) } catch let error as MapError { refusal = error.reason }
    #expect(refusal == .notSupported)
    let frozen = try make(.array, flags: .mappable)
    try frozen.freeze()
    do { _ = try MappedArray(frozen, writable: true) } catch { refusal = error.reason }
    #expect(refusal == .frozen)
  }

  private func run(_ arguments: String...) throws {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = arguments
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0, "\(arguments)")
  }
}
