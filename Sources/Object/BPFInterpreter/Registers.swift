/// The registers, and those of the functions that wait for another one. They lie in memory of their own, so that the
/// interpreter can write them without asking whether anybody shares them.
@safe struct Registers {
  private let words: UnsafeMutablePointer<UInt64>
  private static let count = 16
  private static let savedCount = 5

  static func allocate() -> Registers {
    let count = Self.count + ProgramMemory.frameCount * savedCount
    let words = UnsafeMutablePointer<UInt64>.allocate(capacity: count)
    unsafe words.initialize(repeating: 0, count: count)
    return unsafe Registers(words: words)
  }

  func deallocate() { unsafe words.deallocate() }

  func clear() { unsafe words.update(repeating: 0, count: Self.count) }

  /// Any number is fine: instructions have four bits for it, and so many registers there are.
  @inline(__always)
  subscript(number: UInt8) -> UInt64 {
    get { unsafe words[Int(number & 15)] }
    nonmutating set { unsafe words[Int(number & 15)] = newValue }
  }

  @inline(__always)
  subscript(signed number: UInt8) -> Int64 {
    get { Int64(bitPattern: self[number]) }
    nonmutating set { self[number] = UInt64(bitPattern: newValue) }
  }

  /// The lower half; writing it clears the upper one.
  @inline(__always)
  subscript(low number: UInt8) -> UInt32 {
    get { UInt32(truncatingIfNeeded: self[number]) }
    nonmutating set { self[number] = UInt64(newValue) }
  }

  @inline(__always)
  subscript(signedLow number: UInt8) -> Int32 {
    get { Int32(truncatingIfNeeded: self[number]) }
    nonmutating set { self[number] = UInt64(UInt32(bitPattern: newValue)) }
  }

  /// Keeps r6 to r9 and where a function goes on that calls another one.
  func save(next: Int, depth: Int) {
    let saved = unsafe words + Self.count + depth * Self.savedCount
    unsafe saved[0] = UInt64(next)
    for index in 1..<Self.savedCount { unsafe saved[index] = words[5 + index] }
  }

  /// Returns where the function goes on.
  func restore(depth: Int) -> Int {
    let saved = unsafe words + Self.count + depth * Self.savedCount
    for index in 1..<Self.savedCount { unsafe words[5 + index] = saved[index] }
    return unsafe Int(saved[0])
  }
}
