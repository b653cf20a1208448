import BPFObjectFile
public import LinuxCalls

// What only some types of maps have.

// Maps whose values are other objects of the kernel.
extension Map {
  /// Puts a map into a map of maps (4.12). It stays there until it is replaced or deleted, whoever else lets go of it.
  /// - Parameter key: of an array of maps, its index as `UInt32`.
  public func put<Key: BitwiseCopyable>(_ inner: Map, forKey key: Key, _ rule: UpdateRule = .any) throws(MapError) {
    try require([.arrayOfMaps, .hashOfMaps], .update)
    try update(key, to: inner.descriptor.number, rule)
  }

  /// Puts a program into an array of programs, for `bpf_tail_call` (4.2). It goes when the last descriptor of the array
  /// closes that is not held by a program. Programs of an array have to be of one type; since 6.18 also of one attach type.
  public func put(_ program: Program, at index: UInt32) throws(MapError) {
    try require([.programArray], .update)
    try update(index, to: program.descriptor.number)
  }

  /// The number of the map or program that is there (``Map/init(id:)`` opens a map by it); `nil` when there is none.
  public func objectID<Key: BitwiseCopyable>(forKey key: Key) throws(MapError) -> UInt32? {
    try require([.arrayOfMaps, .hashOfMaps, .programArray], .lookup)
    return try lookup(key, as: UInt32.self)
  }
}

// Queues and stacks (4.20), which have no keys.
extension Map {
  /// - Parameter replacingOldest: makes room in a full one.
  public func push<Value: BitwiseCopyable>(_ value: Value, replacingOldest: Bool = false) throws(MapError) {
    try require([.queue, .stack], .update)
    try update((), to: value, replacingOldest ? .onlyExisting : .any)
  }

  /// Takes out the oldest of a queue, the newest of a stack; `nil` when there is none.
  public func pop<Value: BitwiseCopyable>(_ type: Value.Type) throws(MapError) -> Value? {
    try require([.queue, .stack], .take)
    return try take((), as: type)
  }

  /// What ``pop(_:)`` would give, left where it is.
  public func peek<Value: BitwiseCopyable>(_ type: Value.Type) throws(MapError) -> Value? {
    try require([.queue, .stack], .lookup)
    return try lookup((), as: type)
  }
}

// Bloom filters (5.16): sets that forget nothing and cannot be read.
extension Map {
  /// Adds a value.
  public func insert<Value: BitwiseCopyable>(_ value: Value) throws(MapError) {
    try require([.bloomFilter], .update)
    try update((), to: value)
  }

  /// Whether a value was added: "no" is certain, "yes" is not.
  public func mayContain<Value: BitwiseCopyable>(_ value: Value) throws(MapError) -> Bool {
    try require([.bloomFilter], .lookup)
    let result = unsafe Self.withBytes(of: value, byteCount: valueByteCount) { value in
      Result { () throws(MapError) in
        try unsafe element(.lookup, .lookup, key: UnsafeRawBufferPointer(start: nil, count: 0), value: value)
      }
    }
    return try result.get()
  }
}

// Local storage: values that live with a socket (5.2), an inode (5.10), a task (5.11, by its pidfd) or a cgroup (6.2).
extension Map {
  /// The owner's value; `nil` when it has none.
  public func lookup<Value: BitwiseCopyable>(
    of owner: borrowing FileDescriptor, as type: Value.Type, locked: Bool = false
  ) throws(MapError) -> Value? {
    try require(Self.localStorage, .lookup)
    return try lookup(owner.number, as: type, locked: locked)
  }

  /// Gives the owner a value. It goes with the owner, or with the map.
  public func update<Value: BitwiseCopyable>(
    of owner: borrowing FileDescriptor, to value: Value, _ rule: UpdateRule = .any, locked: Bool = false
  ) throws(MapError) {
    try require(Self.localStorage, .update)
    try update(owner.number, to: value, rule, locked: locked)
  }

  /// Takes the owner's value away. Returns whether it had one.
  @discardableResult
  public func delete(of owner: borrowing FileDescriptor) throws(MapError) -> Bool {
    try require(Self.localStorage, .delete)
    return try delete(owner.number)
  }

  private static let localStorage: [MapType] = [.skStorage, .inodeStorage, .taskStorage, .cgrpStorage]

  private func require(_ types: [MapType], _ operation: MapError.Operation) throws(MapError) {
    guard types.contains(spec.type) else { throw MapError(operation, name, .notSupported) }
  }
}

extension MapSpec {
  /// Whether its keys are indexes from 0 up to its size.
  var isIndexed: Bool {
    [
      .array, .perCPUArray, .programArray, .perfEventArray, .cgroupArray, .arrayOfMaps, .deviceMap, .cpuMap, .xskMap,
      .socketMap, .reuseportSocketArray,
    ].contains(type)
  }
}
