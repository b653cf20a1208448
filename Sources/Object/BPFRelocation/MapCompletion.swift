public import BPFObjectFile
import BPFTypes

extension MapSpec {
  /// Kinds of maps that the kernel takes no types for.
  private static let withoutTypes: Set<MapType> = [
    .perfEventArray, .cgroupArray, .stackTrace, .arrayOfMaps, .hashOfMaps, .deviceMap, .deviceHash, .cpuMap, .xskMap,
    .socketMap, .socketHash, .queue, .stack, .arena,
  ]
  private static let pageSize: UInt32 = 4096

  /// With what depends on the machine: numbers of CPUs, whole pages.
  func completed(kernel: TargetKernel) throws(PlanError) -> MapSpec {
    guard isWanted else { return self }
    guard type != .structOps else { throw .notYet("struct_ops (map \(name))") }
    guard type != .arena else { throw .notYet("an arena (map \(name))") }
    var map = self
    if type == .ringBuffer || type == .userRingBuffer { map.maxEntries = Self.ringSize(maxEntries) }
    if type == .perfEventArray, maxEntries == 0 { map.maxEntries = UInt32(clamping: kernel.cpuCount) }
    if Self.withoutTypes.contains(type) { (map.keyType, map.valueType) = (.void, .void) }
    map.inner = []
    for inner in inner { map.inner.append(try inner.completed(kernel: kernel)) }
    return map
  }

  /// Whether the object's BTF is named when the map is created.
  public var hasTypes: Bool { !Self.withoutTypes.contains(type) }

  /// The kernel wants a power of two of pages; what is none is rounded up.
  private static func ringSize(_ size: UInt32) -> UInt32 {
    guard size > 0 else { return 0 }
    var pages: UInt32 = 1
    while pages * pageSize < size, pages < 1 << 19 { pages *= 2 }
    return pages * pageSize
  }
}

extension KernelSettings {
  /// The map that the settings' variables lie in; `nil` where there are none.
  func map(of object: ObjectSpec) -> MapSpec? {
    guard !contents.isEmpty else { return nil }
    let type = try? object.btf?.types(named: ".kconfig", kinds: [.dataSection]).first
    return MapSpec(
      settingsOf: object.name, contents: contents, valueType: type ?? .void)
  }
}
