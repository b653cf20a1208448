public import BPFObjectFile
import BPFTypes
public import LinuxCalls

// Maps that were not loaded with an object: made by themselves, pinned, or somebody else's.
extension Map {
  /// Makes a map that no object defines, without types.
  /// - Throws: `LoadError`, with what the kernel's answer means.
  public convenience init(creating spec: MapSpec) throws(LoadError) {
    self.init(spec: spec, descriptor: try LoadedObject.createDescriptor(spec, btf: nil))
  }

  /// Opens a map that has a name in a BPF file system.
  /// - Parameter spec: what it has to be, but for its name.
  /// - Throws: `LoadError`; where the map is another than asked for, with the differences.
  public convenience init(pinnedAt path: String, as spec: MapSpec) throws(LoadError) {
    guard let descriptor = try PinnedMap.open(spec, at: path) else {
      throw LoadError(.pinMap(spec.name, path), SystemCallError(call: "bpf(BPF_OBJ_GET)", errno: .noSuchFile))
    }
    self.init(spec: spec, descriptor: descriptor)
  }

  /// Opens a map that has a name in a BPF file system, whatever it is.
  public convenience init(pinnedAt path: String) throws(LoadError) {
    let name = String(path.split(separator: "/").last ?? "")
    do throws(SystemCallError) { try self.init(describing: BPF.open(pin: path)) } catch {
      throw LoadError(.pinMap(name, path), error)
    }
  }

  /// Opens a map by the kernel's number for it. Takes CAP_SYS_ADMIN.
  public convenience init(id: UInt32) throws(LoadError) {
    do throws(SystemCallError) { try self.init(describing: BPF.open(.map, id: id)) } catch {
      throw LoadError(.openMap(id), error)
    }
  }

  /// The numbers of all maps there are. Takes CAP_SYS_ADMIN.
  public static func ids() throws(SystemCallError) -> [UInt32] {
    var ids: [UInt32] = []
    try BPF.forEach(.map) { (map) throws(SystemCallError) in
      ids.append(try BPF.information(ofMap: map).id)
      return true
    }
    return ids
  }

  private convenience init(describing descriptor: consuming FileDescriptor) throws(SystemCallError) {
    let found = try BPF.information(ofMap: descriptor)
    var spec = MapSpec(
      name: found.name, type: MapType(rawValue: found.type), keySize: found.keySize, valueSize: found.valueSize,
      maxEntries: found.maxEntries, flags: MapFlags(rawValue: found.flags))
    spec.extra = found.extra
    spec.keyType = BTF.TypeID(rawValue: found.keyType)
    spec.valueType = BTF.TypeID(rawValue: found.valueType)
    self.init(spec: spec, descriptor: descriptor)
  }

  /// Gives the map a name in a BPF file system, which keeps it alive without a process. `unlink` takes it back.
  public func pin(at path: String) throws(LoadError) {
    do { try BPF.pin(descriptor, at: path) } catch { throw LoadError(.pinMap(name, path), error) }
  }

  /// Forbids all system calls to write to it, for ever (5.2). Programs still may.
  public func freeze() throws(MapError) {
    do { try BPF.freeze(descriptor) } catch { throw MapError(.freeze, self, error) }
  }

  /// What the kernel says of it now.
  public func information() throws(MapError) -> MapInformation {
    do {
      let found = try BPF.information(ofMap: descriptor)
      return MapInformation(
        id: found.id, name: found.name, type: MapType(rawValue: found.type), keySize: found.keySize,
        valueSize: found.valueSize, maxEntries: found.maxEntries, flags: MapFlags(rawValue: found.flags),
        extra: found.extra, types: found.types, keyType: BTF.TypeID(rawValue: found.keyType),
        valueType: BTF.TypeID(rawValue: found.valueType), isFrozen: BPF.isFrozen(descriptor))
    } catch { throw MapError(.query, self, error) }
  }
}
