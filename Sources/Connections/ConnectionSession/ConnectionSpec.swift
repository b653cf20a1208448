internal import BPFLoader
internal import BPFObjectFile
internal import BPFRelocation
internal import ConnectionProgram

/// The connection programs as they are asked for.
struct ConnectionSpec {
  private(set) var object: ObjectSpec

  init(_ options: ConnectionOptions, usesPerfEvents: Bool) throws {
    object = try ObjectSpec(name: "connections.bpf.o", bytes: connectionsObject())
    try object.set(
      ConnectionProgram.tellsOpened, to: (options.tellsOpened || options.tellsSteps) && !options.tellsOnlySYN)
    try object.set(ConnectionProgram.tellsSteps, to: options.tellsSteps)
    try object.set(ConnectionProgram.tellsClosed, to: !options.tellsOnlySYN)
    try object.set(ConnectionProgram.usesPerfEvents, to: usesPerfEvents)
    try set(.ports, options.ports) { ["": $0] }
    try set(.processes, options.processes) { ["": $0] }
    try set(.users, options.users) { ["": $0] }
    try set(.cgroups, options.cgroups) { ["": $0] }
    try set(.namespaces, options.namespaces) { ["": $0] }
    try set(.names, options.names) { name in
      let bytes = Array(name.utf8.prefix(15))
      return Dictionary(uniqueKeysWithValues: bytes.indices.map { (".text[\($0)]", bytes[$0]) })
    }
    try set(.hosts, options.networks) { network in
      let mask = (0..<16).map { UInt8(truncatingIfNeeded: 0xff00 >> min(max(network.bitCount - $0 * 8, 0), 8)) }
      return [
        ".address[0]": word(zip(network.address, mask).map(&), 0), ".mask[0]": word(mask, 0),
        ".address[1]": word(zip(network.address, mask).map(&), 8), ".mask[1]": word(mask, 8),
      ]
    }
    resize(ConnectionProgram.connections, to: options.tableCount)
    resize(ConnectionProgram.halfOpen, to: options.halfOpenTableCount)
    resize(ConnectionProgram.ring, to: options.ringByteCount)
    try object.set(ConnectionProgram.wakeBytes, to: UInt32(clamping: options.wakeByteCount))
    // Where perf events are asked for, the kernel may have no ring buffer.
    object.maps[mapIndex(ConnectionProgram.ring)].isWanted = !usesPerfEvents
    object.maps[mapIndex(ConnectionProgram.samples)].isWanted = usesPerfEvents
  }

  /// For kernels that let the programs ask for a socket's cookie.
  func asking(forCookie hasCookie: Bool) throws -> ConnectionSpec {
    var spec = self
    try spec.object.set(ConnectionProgram.hasCookie, to: hasCookie)
    return spec
  }

  /// Only some of the programs.
  func object(of programs: [String]) -> ObjectSpec {
    var object = object
    for index in object.programs.indices {
      object.programs[index].isWanted = programs.contains(object.programs[index].name)
    }
    return object
  }

  private mutating func resize(_ map: String, to count: Int) {
    object.maps[mapIndex(map)].maxEntries = UInt32(clamping: count)
  }

  private func mapIndex(_ name: String) -> Int {
    guard let index = object.mapIndex(name) else { preconditionFailure("there is no map \(name)") }
    return index
  }

  /// - Parameter parts: the members of an element, and their values.
  private mutating func set<Element>(
    _ list: ConnectionProgram.List, _ elements: [Element], _ parts: (Element) -> [String: some BinaryInteger]
  ) throws {
    precondition(elements.count <= ConnectionProgram.List.limit, "more \(list.rawValue) than fit")
    try object.set(list.count, to: UInt32(elements.count))
    for (index, element) in elements.enumerated() {
      for (member, value) in parts(element) {
        try object.set("\(list.rawValue)[\(index)]\(member)", toText: "\(value)")
      }
    }
  }
}

/// As a processor has it that loads eight bytes.
private func word(_ bytes: [UInt8], _ start: Int) -> UInt64 {
  bytes[start..<start + 8].reversed().reduce(0) { $0 << 8 | UInt64($1) }
}
