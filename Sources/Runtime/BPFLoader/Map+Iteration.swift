import BPFObjectFile
import LinuxCalls

/// How many elements were read, written or deleted.
public enum BatchWay: Hashable, Sendable, CaseIterable {
  /// Many a system call (5.6, and later for many types of maps).
  case batches
  /// One a system call.
  case singly
  /// For taking elements out: read, then deleted. What is written between is lost.
  case readThenDelete
}

extension Map {
  /// Goes through the keys, one a system call.
  ///
  /// When a key that is being looked behind is deleted, the kernel starts again: some keys then come more than once. A key
  /// comes at least once if it is there all the time and not written to; new ones may come or not. The body may delete the
  /// key that it got. Tries may leave keys out while others add or delete.
  /// - Parameter body: the key ends with the call.
  /// - Throws: `MapError` with `keepsChanging` after eight times as many keys as the map has room for.
  public func forEachKey(_ body: (_ key: RawSpan) throws(MapError) -> Void) throws(MapError) {
    let keySize = Int(spec.keySize)
    guard keySize > 0 else { throw MapError(.iterate, name, .notSupported) }
    var key = [UInt8](repeating: 0, count: keySize)
    var next = key
    guard try advance(from: nil, to: &next) else { return }
    for _ in 0..<mostSteps {
      swap(&key, &next)
      // Before the body deletes the key.
      let isLast = try !advance(from: key, to: &next)
      try body(unsafe key.span.bytes)
      if isLast { return }
    }
    throw MapError(.iterate, name, .keepsChanging)
  }

  /// Goes through keys and values, in batches where the kernel has them for this type.
  ///
  /// In batches, a hash hands out each key that stays exactly once. Singly, see ``forEachKey(_:)``; a key that is deleted
  /// before its value was read does not come. Nothing is allocated per element.
  /// - Parameters:
  ///   - takingOut: deletes what it hands out (batches 5.6, singly 5.14).
  ///   - locked: takes the `bpf_spin_lock` in each value meanwhile.
  ///   - batchCount: how many elements to ask for at once. More where the kernel cannot do with so few.
  ///   - ways: what may be tried, best first.
  ///   - body: key and value end with the call.
  /// - Returns: the way that was taken.
  @discardableResult
  public func forEachElement(
    takingOut: Bool = false, locked: Bool = false, batchCount: Int = 256, ways: [BatchWay] = BatchWay.allCases,
    _ body: (_ key: RawSpan, _ value: RawSpan) -> Void
  ) throws(MapError) -> BatchWay {
    guard spec.keySize > 0 else { throw MapError(.iterate, name, .notSupported) }
    var refusal = MapError(.iterate, name, .notSupported)
    for way in ways where takingOut || way != .readThenDelete {
      do throws(MapError) {
        switch way {
        case .batches:
          try forEachInBatches(takingOut: takingOut, locked: locked, batchCount: batchCount, body)
        case .singly, .readThenDelete:
          try forEachSingly(takingOut ? way == .singly ? .lookupAndDelete : .delete : .lookup, locked: locked, body)
        }
        return way
      } catch {
        // Only what never began is tried in another way.
        guard error.isMissingCommand, error.doneCount == 0 else { throw error }
        refusal = error
      }
    }
    throw refusal
  }

  /// Room for restarts: a bound, since others may delete for ever.
  private var mostSteps: Int { 8 * Int(spec.maxEntries) + 1024 }

  /// BPF_MAP_GET_NEXT_KEY. Returns false at the end.
  private func advance(from key: [UInt8]?, to next: inout [UInt8]) throws(MapError) -> Bool {
    let number = descriptor.number
    let result = unsafe next.withUnsafeMutableBytes { next in
      unsafe (key ?? []).withUnsafeBytes { bytes in
        Result { () throws(SystemCallError) in
          try unsafe BPF.element(
            .nextKey, of: number, key: key == nil ? nil : bytes.baseAddress,
            value: UnsafeRawPointer(next.baseAddress))
        }
      }
    }
    do {
      try result.get()
      return true
    } catch {
      if error.errno == .noSuchFile { return false }
      throw MapError(.iterate, self, error)
    }
  }

  private func forEachSingly(
    _ command: BPF.ElementCommand, locked: Bool, _ body: (RawSpan, RawSpan) -> Void
  ) throws(MapError) {
    var value = [UInt8](repeating: 0, count: valueByteCount)
    var count = 0
    try forEachKey { (key) throws(MapError) in
      let result = unsafe key.withUnsafeBytes { key in
        unsafe value.withUnsafeMutableBytes { value in
          Result { () throws(MapError) -> Bool in
            let isThere = try unsafe element(
              .iterate, command == .delete ? .lookup : command, key: key, value: UnsafeRawBufferPointer(value),
              flags: locked ? Self.lock : 0)
            if !isThere || command != .delete { return isThere }
            return try unsafe element(.iterate, .delete, key: key, value: nil)
          }
        }
      }
      do throws(MapError) {
        // A key that has gone in the meantime is none.
        guard try result.get() else { return }
      } catch { throw error.after(count) }
      count += 1
      body(key, unsafe value.span.bytes)
    }
  }

  private func forEachInBatches(
    takingOut: Bool, locked: Bool, batchCount: Int, _ body: (RawSpan, RawSpan) -> Void
  ) throws(MapError) {
    let keySize = Int(spec.keySize)
    var room = max(1, min(batchCount, Int(spec.maxEntries)))
    // Where the kernel goes on: a bucket's number for hashes, a key for others.
    var (from, to) = ([UInt8](repeating: 0, count: max(keySize, 4)), [UInt8](repeating: 0, count: max(keySize, 4)))
    var keys = [UInt8](repeating: 0, count: room * keySize)
    var values = [UInt8](repeating: 0, count: room * valueByteCount)
    var isFirst = true
    var count = 0
    for _ in 0..<mostSteps {
      let answer = unsafe keys.withUnsafeMutableBytes { keys in
        unsafe values.withUnsafeMutableBytes { values in
          unsafe from.withUnsafeBytes { from in
            unsafe to.withUnsafeMutableBytes { to in
              unsafe BPF.batch(
                takingOut ? .lookupAndDelete : .lookup, of: descriptor.number, from: isFirst ? nil : from.baseAddress,
                to: UnsafeRawPointer(to.baseAddress), keys: UnsafeRawPointer(keys.baseAddress),
                values: UnsafeRawPointer(values.baseAddress), count: room, elementFlags: locked ? Self.lock : 0)
            }
          }
        }
      }
      switch answer.error?.errno {
      case nil, .noSuchFile?: break
      // A bucket has more elements than there is room for.
      case .noSpace? where room < Int(spec.maxEntries):
        room = min(2 * room, Int(spec.maxEntries))
        keys = [UInt8](repeating: 0, count: room * keySize)
        values = [UInt8](repeating: 0, count: room * valueByteCount)
        continue
      // Others changed the map too often meanwhile.
      case .interrupted?, .tryAgain?: if answer.count == 0 { continue }
      default:
        if let error = answer.error { throw MapError(.iterate, self, error, doneCount: count) }
      }
      for index in 0..<answer.count {
        body(
          unsafe keys.span.bytes.extracting(index * keySize..<(index + 1) * keySize),
          unsafe values.span.bytes.extracting(index * valueByteCount..<(index + 1) * valueByteCount))
      }
      count += answer.count
      if answer.error?.errno == .noSuchFile { return }
      guard count <= mostSteps else { break }
      swap(&from, &to)
      isFirst = false
    }
    throw MapError(.iterate, name, .keepsChanging, doneCount: count)
  }
}

extension MapError {
  /// Whether the kernel may just not have the command for this type of map; it says EINVAL for a command it never heard of.
  var isMissingCommand: Bool { reason == .notSupported || cause?.errno == .invalidArgument }

  func after(_ count: Int) -> MapError { MapError(operation, map, reason, cause, doneCount: count) }
}
