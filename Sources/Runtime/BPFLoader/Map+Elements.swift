import BPFObjectFile
import LinuxCalls

/// What an update asks of the key (`BPF_ANY`, `BPF_NOEXIST`, `BPF_EXIST`).
public enum UpdateRule: UInt64, Hashable, Sendable {
  case any, onlyNew, onlyExisting
}

// Keys and values as bytes. A map without keys, such as a queue, takes an empty one.
extension Map {
  /// The value of a key; `nil` when there is none. For a per-CPU map one value per possible CPU, each rounded up to 8
  /// bytes, one after the other. For a queue or a stack, what would be popped next.
  /// - Parameter locked: takes the `bpf_spin_lock` in the value meanwhile (`BPF_F_LOCK`, 5.1).
  public func lookup(_ key: [UInt8], locked: Bool = false) throws(MapError) -> [UInt8]? {
    try read(.lookup, .lookup, key, locked: locked)
  }

  /// Reads and deletes a key in one step; `nil` when there is none. Queues and stacks since 4.20, hashes since 5.14.
  public func take(_ key: [UInt8], locked: Bool = false) throws(MapError) -> [UInt8]? {
    try read(.take, .lookupAndDelete, key, locked: locked)
  }

  /// Sets the value of a key.
  /// - Parameter value: as ``lookup(_:locked:)`` gives it.
  public func update(
    _ key: [UInt8], to value: [UInt8], _ rule: UpdateRule = .any, locked: Bool = false
  ) throws(MapError) {
    let result = unsafe key.withUnsafeBytes { key in
      unsafe value.withUnsafeBytes { value in
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
  public func delete(_ key: [UInt8]) throws(MapError) -> Bool {
    let result = unsafe key.withUnsafeBytes { key in
      Result { () throws(MapError) in try unsafe element(.delete, .delete, key: key, value: nil) }
    }
    return try result.get()
  }

  /// The value of a key that has to be there; as ``lookup(_:locked:)``.
  public func value(forKey key: [UInt8]) throws(MapError) -> [UInt8] {
    guard let value = try lookup(key) else { throw MapError(.lookup, name, .noSuchKey) }
    return value
  }

  /// Sets the value of a key, whether it is there already or not.
  public func set(_ value: [UInt8], forKey key: [UInt8]) throws(MapError) { try update(key, to: value) }

  /// Reads the value of a key into an array that already has the right length, as ``value(forKey:)`` gave it.
  package func read(key: [UInt8], into value: inout [UInt8]) throws(MapError) {
    let result = unsafe key.withUnsafeBytes { key in
      unsafe value.withUnsafeMutableBytes { value in
        Result { () throws(MapError) in
          try unsafe element(.lookup, .lookup, key: key, value: UnsafeRawBufferPointer(value))
        }
      }
    }
    guard try result.get() else { throw MapError(.lookup, name, .noSuchKey) }
  }

  private func read(
    _ operation: MapError.Operation, _ command: BPF.ElementCommand, _ key: [UInt8], locked: Bool
  ) throws(MapError) -> [UInt8]? {
    var value = [UInt8](repeating: 0, count: valueByteCount)
    let result = unsafe key.withUnsafeBytes { key in
      unsafe value.withUnsafeMutableBytes { value in
        Result { () throws(MapError) in
          try unsafe element(
            operation, command, key: key, value: UnsafeRawBufferPointer(value), flags: locked ? Self.lock : 0)
        }
      }
    }
    return try result.get() ? value : nil
  }
}

extension Map {
  /// `BPF_F_LOCK`
  static let lock: UInt64 = 4

  /// One command for one element, with the sizes checked: the kernel reads and writes as many bytes as the map has,
  /// whatever there are.
  /// - Parameter value: read or written; `nil` where the command has none.
  /// - Returns: false when there is no such key, for commands that may say so.
  @unsafe func element(
    _ operation: MapError.Operation, _ command: BPF.ElementCommand, key: UnsafeRawBufferPointer,
    value: UnsafeRawBufferPointer?, flags: UInt64 = 0
  ) throws(MapError) -> Bool {
    try checkKey(operation, byteCount: key.count)
    if let value = unsafe value, value.count != valueByteCount {
      throw MapError(operation, name, .valueSize(value.count, expected: valueByteCount))
    }
    do throws(SystemCallError) {
      try unsafe BPF.element(
        command, of: descriptor.number, key: key.isEmpty ? nil : key.baseAddress, value: value?.baseAddress,
        flags: flags)
      return true
    } catch {
      if error.errno == .noSuchFile, command != .update { return false }
      throw MapError(operation, self, error)
    }
  }

  func checkKey(_ operation: MapError.Operation, byteCount: Int) throws(MapError) {
    guard byteCount == Int(spec.keySize) else {
      throw MapError(operation, name, .keySize(byteCount, expected: Int(spec.keySize)))
    }
  }
}
