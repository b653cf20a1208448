internal import BPFObjectFile
internal import CaptureProgram
internal import PacketFilter

/// Capture programs as they are asked for: with a filter, a length and the sizes of maps.
struct CaptureSpec: Sendable {
  private(set) var object: ObjectSpec
  let filter: PacketFilter?
  /// How many bytes of a frame a buffer takes.
  private let room: Int
  /// Whether the programs look into the kernel's structures. Others are planned without a look at the kernel.
  private(set) var dependsOnKernelTypes = false

  /// For interfaces, and for files.
  /// - Parameter snapLength: how many bytes of each packet to take; `nil` for its headers.
  static func interfaces(filter: PacketFilter?, snapLength: Int?, ringByteCount: Int) throws -> CaptureSpec {
    var spec = try CaptureSpec(
      ObjectSpec(name: "capture.bpf.o", bytes: captureObject()), filter: filter, snapLength: snapLength,
      ringByteCount: ringByteCount,
      // Where whole packets are wanted, all of an everyday one.
      frameRoom: max(CaptureProgram.defaultFrameRoom, min(snapLength ?? 0, CaptureProgram.wholeFrameRoom)))
    if let filter { try spec.object.put(filter.code, inPlaceOf: CaptureProgram.filter) }
    return spec
  }

  /// For segments as TCP receives them.
  /// - Parameter namespace: the network namespace's inode number.
  static func tcp(
    filter: PacketFilter?, snapLength: Int?, ringByteCount: Int, namespace: UInt32
  ) throws -> CaptureSpec {
    var spec = try CaptureSpec(
      ObjectSpec(name: "tcp_receive.bpf.o", bytes: tcp_receiveObject()), filter: filter, snapLength: snapLength,
      ringByteCount: ringByteCount,
      // Nothing else holds what is taken here.
      frameRoom: min(max(CaptureProgram.defaultFrameRoom, (snapLength ?? 0) + 64), 32_000))
    try spec.object.set(CaptureProgram.namespaceInode, to: namespace)
    spec.dependsOnKernelTypes = true
    return spec
  }

  private init(
    _ object: ObjectSpec, filter: PacketFilter?, snapLength: Int?, ringByteCount: Int, frameRoom: Int
  ) throws {
    self.object = object
    self.filter = filter
    room = filter?.bufferRoom(least: frameRoom) ?? frameRoom
    // A quarter of the ring leaves the reader three quarters of the time to wake up in.
    try self.object.set(CaptureProgram.wakeBytes, to: UInt32(clamping: ringByteCount / 4))
    try self.object.set(CaptureProgram.snapLength, to: UInt32(clamping: snapLength ?? 0))
    try self.object.set(CaptureProgram.hasFilter, to: filter != nil)
    try self.object.set(CaptureProgram.frameRoom, to: UInt32(room))
    guard let ring = object.mapIndex(CaptureProgram.ring), let frames = object.mapIndex(CaptureProgram.frames) else {
      preconditionFailure("the ring or the buffers are missing")
    }
    self.object.maps[ring].maxEntries = UInt32(clamping: ringByteCount)
    self.object.maps[frames].valueSize = UInt32(CaptureProgram.recordHeadByteCount + room)
  }

  /// Packets come from a file.
  mutating func takeFromFile() throws { try object.set(CaptureProgram.isFromFile, to: true) }

  /// What is loaded for one program. The filter of buffers is only made for those that have one.
  func object(for program: String) throws -> ObjectSpec {
    guard let filter, program != CaptureProgram.xdp else { return object }
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
