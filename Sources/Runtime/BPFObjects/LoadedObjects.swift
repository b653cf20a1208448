import BPFFeatures
import BPFLoader
import BPFRelocation
public import LinuxCalls
import RouteNetlink

/// What of BPF is in the kernel now. Each question goes through all there is, which takes CAP_SYS_ADMIN.
public struct LoadedObjects {
  private let holders = BPFHolder.all()
  private let types = KernelTypeNames()
  private let names: KernelNames

  public init() { names = KernelNames.ofRunningKernel }

  private func holders(_ kind: String, _ id: UInt32) -> [Holder] {
    (holders[kind]?[id] ?? []).map { Holder(pid: $0.pid, command: $0.command) }
  }

  public func programs() throws(SystemCallError) -> [ProgramEntry] {
    var entries: [ProgramEntry] = []
    let now = Clock.boot
    try BPF.forEach(.program) { (program) throws(SystemCallError) in
      let information = try BPF.information(ofProgram: program)
      entries.append(
        ProgramEntry(
          id: information.id, type: names.programType(information.type), name: information.name,
          tag: information.tag.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(),
          attachTarget: information.attachType == 0
            ? nil : types.name(of: information.attachType, in: information.attachTypes),
          age: Double(now &- min(information.loadTime, now)) / 1e9, uid: information.user,
          mapIds: information.maps, btfId: information.types == 0 ? nil : information.types,
          translated: information.translatedByteCount, jited: information.compiledByteCount,
          verified: information.verifiedCount == 0 ? nil : information.verifiedCount,
          runs: information.runCount == 0 ? nil : information.runCount,
          runNanoseconds: information.runCount == 0 ? nil : information.runNanoseconds,
          misses: information.missCount == 0 ? nil : information.missCount,
          holders: holders("prog_id", information.id)))
      return true
    }
    return entries
  }

  public func maps() throws(SystemCallError) -> [MapEntry] {
    var entries: [MapEntry] = []
    try BPF.forEach(.map) { (map) throws(SystemCallError) in
      let information = try BPF.information(ofMap: map)
      entries.append(
        MapEntry(
          id: information.id, type: names.mapType(information.type), name: information.name,
          keySize: information.keySize, valueSize: information.valueSize, maxEntries: information.maxEntries,
          flags: information.flags, holders: holders("map_id", information.id)))
      return true
    }
    return entries
  }

  public func links() throws(SystemCallError) -> [LinkEntry] {
    var entries: [LinkEntry] = []
    let interfaces = (try? RouteSocket().interfaces()) ?? []
    try BPF.forEach(.link) { (link) throws(SystemCallError) in
      let information = try BPF.information(ofLink: link)
      let program = try? BPF.information(ofProgram: BPF.open(.program, id: information.program))
      entries.append(
        LinkEntry(
          id: information.id, type: names.linkType(information.type), programId: information.program,
          programName: program?.name,
          target: target(information.target) { index in interfaces.first { $0.index == index }?.name },
          isAttached: information.isAttached, holders: holders("link_id", information.id)))
      return true
    }
    return entries
  }

  public func typeSets() throws(SystemCallError) -> [TypesEntry] {
    var entries: [TypesEntry] = []
    try BPF.forEach(.types) { (types) throws(SystemCallError) in
      let information = try BPF.information(ofTypes: types)
      entries.append(
        TypesEntry(
          id: information.id, name: information.name, size: information.size, isKernel: information.isOfKernel,
          holders: holders("btf_id", information.id)))
      return true
    }
    return entries
  }

  private func target(_ target: BPF.LinkInformation.Target, interface: (UInt32) -> String?) -> String? {
    func hook(_ number: UInt32?) -> String { number.map { " " + names.attachType($0) } ?? "" }
    switch target {
    case .interface(0, _): return "an interface that has gone"
    case .interface(let index, let attachType):
      return (interface(index) ?? "interface \(index) of another namespace") + hook(attachType)
    case .cgroup(0, _): return "a cgroup that has gone"
    case .cgroup(let id, let attachType): return "cgroup \(id)" + hook(attachType)
    case .namespace(0, _): return "a network namespace that has gone"
    case .namespace(let inode, let attachType): return "net:[\(inode)]" + hook(attachType)
    case .type(let type, let types, let attachType):
      return (self.types.name(of: type, in: types) ?? "type \(type) of \(types)") + hook(attachType)
    case .name(let name, let offset): return offset == 0 ? name : "\(name)+0x\(String(offset, radix: 16))"
    case .functions(let count): return "\(count) functions"
    case .netfilter(let family, let hook, let priority):
      return "family \(family), hook \(hook), priority \(priority)"
    case .other: return nil
    }
  }
}
