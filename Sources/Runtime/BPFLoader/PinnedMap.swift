import BPFObjectFile
import LinuxCalls

/// A map of the name that a definition asks to pin, which an earlier process may have left: a new one is pinned there, an
/// old one is used if it is what the object wants.
struct PinnedMap {
  /// In a BPF file system.
  let directory: String

  func path(of spec: MapSpec) -> String { directory + "/" + spec.pinName }

  /// - Returns: the map that is pinned already; `nil` where there is none.
  func open(_ spec: MapSpec) throws(LoadError) -> FileDescriptor? { try Self.open(spec, at: path(of: spec)) }

  static func open(_ spec: MapSpec, at path: String) throws(LoadError) -> FileDescriptor? {
    let descriptor: FileDescriptor
    do { descriptor = try BPF.open(pin: path) } catch {
      if error.errno == .noSuchFile { return nil }
      throw LoadError(.pinMap(spec.name, path), error)
    }
    let found: BPF.MapInformation
    do { found = try BPF.information(ofMap: descriptor) } catch { throw LoadError(.pinMap(spec.name, path), error) }
    let differences = differences(spec, found)
    guard differences.isEmpty else {
      throw LoadError(
        .adoptMap(spec.name, path, differences: differences),
        SystemCallError(call: "bpf(BPF_OBJ_GET)", errno: .exists))
    }
    return descriptor
  }

  func pin(_ descriptor: borrowing FileDescriptor, _ spec: MapSpec) throws(LoadError) {
    let path = path(of: spec)
    do { try BPF.pin(descriptor, at: path) } catch { throw LoadError(.pinMap(spec.name, path), error) }
  }

  /// What a pinned map is, where it is something else than the object asks for.
  static func differences(_ spec: MapSpec, _ found: BPF.MapInformation) -> [String] {
    var differences: [String] = []
    func compare<Value: Equatable>(_ what: String, _ wanted: Value, _ found: Value) {
      if wanted != found { differences.append("\(what) \(found), not \(wanted)") }
    }
    compare("type", spec.type, MapType(rawValue: found.type))
    compare("key size", spec.keySize, found.keySize)
    compare("value size", spec.valueSize, found.valueSize)
    compare("number of entries", spec.maxEntries, found.maxEntries)
    // The kernel sets this one itself for device maps.
    let ofKernel: UInt32 =
      spec.type == .deviceMap || spec.type == .deviceHash ? MapFlags.readOnlyForPrograms.rawValue : 0
    compare("flags", spec.flags.rawValue, found.flags & ~(ofKernel & ~spec.flags.rawValue))
    compare("map_extra", spec.extra, found.extra)
    return differences
  }
}
