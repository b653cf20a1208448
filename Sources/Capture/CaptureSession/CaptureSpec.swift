internal import BPFObjectFile
internal import CaptureEvents
internal import CaptureProgram
internal import LinuxCalls
internal import PacketFilter

/// Capture programs as they are asked for: with a filter, a length and the sizes of maps.
struct CaptureSpec: Sendable {
  private(set) var object: ObjectSpec
  let filter: PacketFilter?
  let names: CaptureProgram.Names
  /// How many bytes of a frame a buffer takes.
  private let room: Int
  /// Whether the programs look into the kernel's structures. Others are planned without a look at the kernel.
  private(set) var dependsOnKernelTypes = false

  /// What packets go to user space in.
  struct Transport {
    /// Instead of a ring buffer.
    var usesPerfEvents = false
    /// How many bytes of each packet to take; `nil` for its headers.
    var snapLength: Int?
    /// Of the ring buffer.
    var ringByteCount = pageSize
  }

  /// For interfaces, and for files.
  static func interfaces(filter: PacketFilter?, _ transport: Transport) throws -> CaptureSpec {
    var spec = try CaptureSpec(
      transport.usesPerfEvents
        ? ObjectSpec(name: "capture_perf.bpf.o", bytes: capture_perfObject())
        : ObjectSpec(name: "capture.bpf.o", bytes: captureObject()), .capture, filter: filter,
      // Where whole packets are wanted, all of an everyday one.
      frameRoom: max(CaptureProgram.defaultFrameRoom, min(transport.snapLength ?? 0, CaptureProgram.wholeFrameRoom)))
    try spec.deliver(transport)
    try spec.setFilter()
    return spec
  }

  /// For segments as TCP receives them.
  /// - Parameter namespace: the network namespace's inode number.
  static func tcp(filter: PacketFilter?, _ transport: Transport, namespace: UInt32) throws -> CaptureSpec {
    var spec = try CaptureSpec(
      transport.usesPerfEvents
        ? ObjectSpec(name: "tcp_receive_perf.bpf.o", bytes: tcp_receive_perfObject())
        : ObjectSpec(name: "tcp_receive.bpf.o", bytes: tcp_receiveObject()), .capture, filter: filter,
      // Nothing else holds what is taken here.
      frameRoom: min(max(CaptureProgram.defaultFrameRoom, (transport.snapLength ?? 0) + 64), 32_000))
    try spec.deliver(transport)
    try spec.object.set(CaptureProgram.namespaceInode, to: namespace)
    spec.dependsOnKernelTypes = true
    return spec
  }

  /// For flows, counted in the kernel.
  /// - Parameters:
  ///   - flowCount: how many there is room for.
  ///   - sample: one packet in so many is counted.
  static func flows(filter: PacketFilter?, flowCount: Int, sample: Int) throws -> CaptureSpec {
    var spec = try CaptureSpec(
      ObjectSpec(name: "flows.bpf.o", bytes: flowsObject()), .flows, filter: filter,
      frameRoom: CaptureProgram.defaultFrameRoom)
    try spec.object.set(CaptureProgram.sampledBelow, to: UInt32.max / UInt32(clamping: max(sample, 1)))
    spec.object.maps[spec.mapIndex(CaptureProgram.flows)].maxEntries = UInt32(clamping: flowCount)
    try spec.setFilter()
    return spec
  }

  private init(
    _ object: ObjectSpec, _ names: CaptureProgram.Names, filter: PacketFilter?, frameRoom: Int
  ) throws {
    self.object = object
    self.names = names
    self.filter = filter
    room = filter?.bufferRoom(least: frameRoom) ?? frameRoom
    try self.object.set(CaptureProgram.hasFilter, to: filter != nil)
    try self.object.set(CaptureProgram.frameRoom, to: UInt32(room))
    let frames = mapIndex(CaptureProgram.frames)
    self.object.maps[frames].valueSize = UInt32(CaptureProgram.recordHeadByteCount + room)
  }

  /// Packets go to user space.
  private mutating func deliver(_ transport: Transport) throws {
    try object.set(CaptureProgram.snapLength, to: UInt32(clamping: transport.snapLength ?? 0))
    guard transport.usesPerfEvents else {
      // A quarter of the ring leaves the reader three quarters of the time to wake up in.
      try object.set(CaptureProgram.wakeBytes, to: UInt32(clamping: transport.ringByteCount / 4))
      object.maps[mapIndex(CaptureProgram.ring)].maxEntries = UInt32(clamping: transport.ringByteCount)
      return
    }
    // The plan is made without a look at the kernel, and knows of no CPUs.
    let cpuCount = UInt32(clamping: try possibleCPUCount())
    for map in [CaptureProgram.samples, CaptureProgram.bells, CaptureProgram.wholeFrames] {
      object.maps[mapIndex(map)].maxEntries = cpuCount
    }
    // A made-up link header takes room, too.
    let wholeRoom = (transport.snapLength ?? 0) + CaptureRecord.madeUpByteCount
    if wholeRoom > room {
      try object.set(CaptureProgram.wholeRoom, to: UInt32(clamping: wholeRoom))
      object.maps[mapIndex(CaptureProgram.wholeFrames)].valueSize = UInt32(
        clamping: CaptureProgram.recordHeadByteCount + wholeRoom)
    }
  }

  /// XDP has a filter of its own.
  private mutating func setFilter() throws {
    if let filter { try object.put(filter.code, inPlaceOf: CaptureProgram.filter) }
  }

  private func mapIndex(_ name: String) -> Int {
    guard let index = object.mapIndex(name) else { preconditionFailure("there is no map \(name)") }
    return index
  }

  /// Packets come from a file.
  mutating func takeFromFile() throws { try object.set(CaptureProgram.isFromFile, to: true) }

  /// What is loaded for one program. The filter of buffers is only made for those that have one.
  func object(for program: String) throws -> ObjectSpec {
    guard let filter, program != names.xdp else { return object }
    var object = object
    try object.put(filter.code(forBufferOf: room), inPlaceOf: CaptureProgram.bufferedFilter)
    return object
  }
}

extension ObjectSpec {
  fileprivate mutating func put(_ filter: FilterCode, inPlaceOf name: String) throws(ObjectFileError) {
    let code = filter.instructions
    let lists = filter.listStart ?? code.count
    try replaceFunction(
      name, with: Array(code[..<lists]),
      calling: Dictionary(uniqueKeysWithValues: filter.listCalls.map { ($0, CaptureProgram.filterList) }))
    if lists < code.count { try replaceFunction(CaptureProgram.filterList, with: Array(code[lists...])) }
  }
}

extension CaptureSpec.Transport {
  init(_ options: CaptureOptions, usesPerfEvents: Bool) {
    self.init(
      usesPerfEvents: usesPerfEvents, snapLength: options.snapLength(usesPerfEvents: usesPerfEvents),
      ringByteCount: options.ringByteCount(usesPerfEvents: usesPerfEvents))
  }
}
