import BPFObjectFile
import LinuxCalls

// Keys and values as Swift values: integers, and structures and inline arrays of them, laid out as in C. They have to be
// as long as the map says, with or without the padding at their end, which is zero. Padding between members is not:
// declare it, since hashes compare it. The kernel's bytes become a value whatever they are, so that types whose bits may
// be invalid, such as `Bool` and enumerations, do not belong in them.
extension Map {
  /// The value of a key; `nil` when there is none.
  /// - Parameter locked: takes the `bpf_spin_lock` in the value meanwhile (`BPF_F_LOCK`, 5.1).
  public func lookup<Key: BitwiseCopyable, Value: BitwiseCopyable>(
    _ key: Key, as type: Value.Type, locked: Bool = false
  ) throws(MapError) -> Value? {
    try read(.lookup, .lookup, key, locked: locked)
  }

  /// Reads and deletes a key in one step; `nil` when there is none. Hashes since 5.14.
  public func take<Key: BitwiseCopyable, Value: BitwiseCopyable>(
    _ key: Key, as type: Value.Type, locked: Bool = false
  ) throws(MapError) -> Value? {
    try read(.take, .lookupAndDelete, key, locked: locked)
  }

  public func update<Key: BitwiseCopyable, Value: BitwiseCopyable>(
    _ key: Key, to value: Value, _ rule: UpdateRule = .any, locked: Bool = false
  ) throws(MapError) {
    let (keySize, valueSize) = (Int(spec.keySize), valueByteCount)
    let result = unsafe Self.withBytes(of: key, byteCount: keySize) { key in
      unsafe Self.withBytes(of: value, byteCount: valueSize) { value in
        Result { () throws(MapError) in
          _ = try unsafe element(
            .update, .update, key: key, value: value, flags: rule.rawValue | (locked ? Self.lock : 0))
        }
      }
    }
    try result.get()
  }

  /// Removes a key. Returns whether it was there.
  @discardableResult
  public func delete<Key: BitwiseCopyable>(_ key: Key) throws(MapError) -> Bool {
    let result = unsafe Self.withBytes(of: key, byteCount: Int(spec.keySize)) { key in
      Result { () throws(MapError) in try unsafe element(.delete, .delete, key: key, value: nil) }
    }
    return try result.get()
  }

  /// The values of a key of a per-CPU map, one per possible CPU in their order; `nil` when there is no such key.
  public func lookupPerCPU<Key: BitwiseCopyable, Value: BitwiseCopyable>(
    _ key: Key, as type: Value.Type
  ) throws(MapError) -> [Value]? {
    let stride = try perCPUStride(.lookup, of: type)
    var bytes = [UInt8](repeating: 0, count: valueByteCount)
    let result = unsafe Self.withBytes(of: key, byteCount: Int(spec.keySize)) { key in
      unsafe bytes.withUnsafeMutableBytes { bytes in
        Result { () throws(MapError) in
          try unsafe element(.lookup, .lookup, key: key, value: UnsafeRawBufferPointer(bytes))
        }
      }
    }
    guard try result.get() else { return nil }
    // Room behind the last value that a Swift value with padding may reach into.
    bytes += [UInt8](repeating: 0, count: MemoryLayout<Value>.stride)
    return unsafe bytes.withUnsafeBytes { bytes in
      Swift.stride(from: 0, to: valueByteCount, by: stride).map {
        unsafe bytes.loadUnaligned(fromByteOffset: $0, as: Value.self)
      }
    }
  }

  /// Sets the values of a key of a per-CPU map.
  /// - Parameter values: one per possible CPU.
  public func updatePerCPU<Key: BitwiseCopyable, Value: BitwiseCopyable>(
    _ key: Key, to values: [Value], _ rule: UpdateRule = .any
  ) throws(MapError) {
    let stride = try perCPUStride(.update, of: Value.self)
    guard values.count == valueByteCount / stride else {
      throw MapError(.update, name, .valueSize(values.count * stride, expected: valueByteCount))
    }
    var bytes = [UInt8](repeating: 0, count: valueByteCount)
    unsafe bytes.withUnsafeMutableBytes { bytes in
      for (index, value) in values.enumerated() {
        unsafe bytes.storeBytes(of: value, toByteOffset: index * stride, as: Value.self)
      }
    }
    let result = unsafe Self.withBytes(of: key, byteCount: Int(spec.keySize)) { key in
      unsafe bytes.withUnsafeBytes { bytes in
        Result { () throws(MapError) in
          _ = try unsafe element(.update, .update, key: key, value: bytes, flags: rule.rawValue)
        }
      }
    }
    try result.get()
  }

  /// How far apart the values of the CPUs are.
  private func perCPUStride<Value: BitwiseCopyable>(
    _ operation: MapError.Operation, of type: Value.Type
  ) throws(MapError) -> Int {
    guard spec.isPerCPU else { throw MapError(operation, name, .notSupported) }
    let size = Int(spec.valueSize)
    guard size > 0, size == MemoryLayout<Value>.size || size == MemoryLayout<Value>.stride else {
      throw MapError(operation, name, .valueSize(MemoryLayout<Value>.size, expected: size))
    }
    return (size + 7) / 8 * 8
  }

  private func read<Key: BitwiseCopyable, Value: BitwiseCopyable>(
    _ operation: MapError.Operation, _ command: BPF.ElementCommand, _ key: Key, locked: Bool
  ) throws(MapError) -> Value? {
    let (keySize, valueSize) = (Int(spec.keySize), valueByteCount)
    guard valueSize == MemoryLayout<Value>.size || valueSize == MemoryLayout<Value>.stride else {
      throw MapError(operation, name, .valueSize(MemoryLayout<Value>.size, expected: valueSize))
    }
    let result = unsafe Self.withBytes(of: key, byteCount: keySize) { key in
      unsafe withUnsafeTemporaryAllocation(byteCount: MemoryLayout<Value>.stride, alignment: 16) { value in
        Result { () throws(MapError) -> Value? in
          let bytes = unsafe UnsafeRawBufferPointer(rebasing: value[..<valueSize])
          let isThere = try unsafe element(operation, command, key: key, value: bytes, flags: locked ? Self.lock : 0)
          return unsafe isThere ? value.loadUnaligned(as: Value.self) : nil
        }
      }
    }
    return try result.get()
  }

  /// Calls `body` with the bytes of a value: as many as asked for if that is its length with or without the padding at
  /// its end, which is zero; otherwise as many as it has.
  static func withBytes<Value: BitwiseCopyable, Answer>(
    of value: Value, byteCount: Int, _ body: (UnsafeRawBufferPointer) -> Answer
  ) -> Answer {
    let (size, stride) = (MemoryLayout<Value>.size, MemoryLayout<Value>.stride)
    return unsafe withUnsafeTemporaryAllocation(byteCount: stride, alignment: 16) { buffer in
      unsafe buffer.initializeMemory(as: UInt8.self, repeating: 0)
      unsafe buffer.storeBytes(of: value, as: Value.self)
      return unsafe body(UnsafeRawBufferPointer(rebasing: buffer[..<(byteCount == stride ? stride : size)]))
    }
  }
}
