import BPFObjectFile
import LinuxCalls

extension Map {
  /// Sets many keys.
  /// - Parameters:
  ///   - keys: one after the other, each as long as the map's keys.
  ///   - values: as many, each as long as ``lookup(_:locked:)`` gives it.
  ///   - rule: batches only know `any` (until now), so that others go singly.
  ///   - ways: what may be tried, best first.
  /// - Returns: the way that was taken.
  /// - Throws: `MapError`, whose `doneCount` tells how many keys were set before.
  @discardableResult
  public func update(
    keys: RawSpan, values: RawSpan, _ rule: UpdateRule = .any, locked: Bool = false,
    ways: [BatchWay] = BatchWay.allCases
  ) throws(MapError) -> BatchWay {
    let count = try elementCount(.update, of: keys)
    let (expected, overflows) = count.multipliedReportingOverflow(by: valueByteCount)
    guard !overflows, values.byteCount == expected else {
      throw MapError(.update, name, .valueSize(values.byteCount, expected: overflows ? .max : expected))
    }
    let flags = locked ? Self.lock : 0
    let (keySize, valueSize) = (Int(spec.keySize), valueByteCount)
    let result = unsafe keys.withUnsafeBytes { keys in
      unsafe values.withUnsafeBytes { values in
        Result { () throws(MapError) in
          try run(.update, count: count, ways: rule == .any ? ways : ways.filter { $0 != .batches }) { start, count in
            unsafe BPF.batch(
              .update, of: descriptor.number, keys: keys.baseAddress?.advanced(by: start * keySize),
              values: values.baseAddress?.advanced(by: start * valueSize), count: count, elementFlags: flags)
          } singly: { (index) throws(MapError) in
            try unsafe element(
              .update, .update,
              key: UnsafeRawBufferPointer(rebasing: keys[index * keySize..<(index + 1) * keySize]),
              value: UnsafeRawBufferPointer(rebasing: values[index * valueSize..<(index + 1) * valueSize]),
              flags: rule.rawValue | flags)
          }
        }
      }
    }
    return try result.get().way
  }

  /// Removes many keys; those that are not there are passed over.
  /// - Parameter keys: one after the other, each as long as the map's keys.
  /// - Returns: how many were there, and the way that was taken.
  @discardableResult
  public func delete(
    keys: RawSpan, ways: [BatchWay] = BatchWay.allCases
  ) throws(MapError) -> (count: Int, way: BatchWay) {
    let count = try elementCount(.delete, of: keys)
    let keySize = Int(spec.keySize)
    let result = unsafe keys.withUnsafeBytes { keys in
      Result { () throws(MapError) in
        try run(.delete, count: count, ways: ways) { start, count in
          unsafe BPF.batch(
            .delete, of: descriptor.number, keys: keys.baseAddress?.advanced(by: start * keySize), values: nil,
            count: count)
        } singly: { (index) throws(MapError) in
          try unsafe element(
            .delete, .delete, key: UnsafeRawBufferPointer(rebasing: keys[index * keySize..<(index + 1) * keySize]),
            value: nil)
        }
      }
    }
    return try result.get()
  }

  /// Carries out a command on `count` elements.
  /// - Parameters:
  ///   - batch: begins at an element, and does as many as it is told or fewer.
  ///   - singly: returns whether there was such a key.
  private func run(
    _ operation: MapError.Operation, count: Int, ways: [BatchWay], batch: (Int, Int) -> BPF.BatchAnswer,
    singly: (Int) throws(MapError) -> Bool
  ) throws(MapError) -> (count: Int, way: BatchWay) {
    var refusal = MapError(operation, name, .notSupported)
    for way in ways {
      var (position, found) = (0, 0)
      do throws(MapError) {
        switch way {
        case .batches:
          while position < count {
            let answer = batch(position, count - position)
            position += answer.count
            found += answer.count
            guard let error = answer.error else { continue }
            // The kernel stops at a key that is not there.
            guard operation == .delete, error.errno == .noSuchFile, position < count else {
              throw MapError(operation, self, error, doneCount: position)
            }
            position += 1
          }
        case .singly:
          while position < count {
            do throws(MapError) { found += try singly(position) ? 1 : 0 } catch { throw error.after(position) }
            position += 1
          }
        case .readThenDelete: continue
        }
        return (found, way)
      } catch {
        guard way == .batches, error.isMissingCommand, position == 0 else { throw error }
        refusal = error
      }
    }
    throw refusal
  }

  private func elementCount(_ operation: MapError.Operation, of keys: RawSpan) throws(MapError) -> Int {
    let size = Int(spec.keySize)
    guard size > 0 else { throw MapError(operation, name, .notSupported) }
    guard keys.byteCount % size == 0 else {
      throw MapError(operation, name, .keySize(keys.byteCount % size, expected: size))
    }
    return keys.byteCount / size
  }
}
