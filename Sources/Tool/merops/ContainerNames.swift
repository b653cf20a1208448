import ConnectionEvents
import LinuxCalls

/// The identifiers of containers, by the numbers of their cgroups. Each is looked for once.
struct ContainerNames: ~Copyable {
  private let paths = CgroupPaths()
  private var known: [UInt64: [UInt8]] = [:]
  /// Numbers are used once, so that those that are gone may stay until there are many.
  private static let limit = 4096

  /// Hexadecimal digits; empty where the cgroup is of no container.
  mutating func identifier(ofCgroup number: UInt64) -> [UInt8] {
    guard number != 0 else { return [] }
    if let name = known[number] { return name }
    if known.count >= Self.limit { known.removeAll(keepingCapacity: true) }
    let name = paths?.path(of: number).flatMap(ContainerIdentifier.find) ?? []
    known[number] = name
    return name
  }
}
