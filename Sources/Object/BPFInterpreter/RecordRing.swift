/// A ring buffer as programs know it: positions that only grow, and records of a word for length and state, a word that
/// is not used here, and the payload (docs/internals/ring-buffer.md).
struct RecordRing: Sendable {
  let handle: ProgramAddress
  /// Twice as long as the ring, so that a record that begins before the ring's end is in one piece.
  private let bytes: ProgramAddress
  private let byteCount: UInt64
  private var consumed: UInt64 = 0
  private var produced: UInt64 = 0
  /// Reserved, and neither submitted nor discarded: by the address that the program got, where the record is.
  private var pending: [(record: ProgramAddress, position: UInt64)] = []

  private static let headByteCount = 8
  private static let busy: UInt32 = 1 << 31
  private static let discarded: UInt32 = 1 << 30

  init(byteCount: Int, in memory: inout ProgramMemory) throws(RegionTooLargeError) {
    guard byteCount > 0, byteCount <= 1 << 29 else { throw RegionTooLargeError(byteCount: byteCount) }
    handle = memory.handle()
    bytes = try memory.allocate(byteCount: byteCount * 2)
    self.byteCount = UInt64(byteCount)
  }

  /// Its part in the ring, with its head.
  private func room(_ payloadByteCount: UInt64) -> UInt64 { (payloadByteCount + UInt64(Self.headByteCount) + 7) & ~7 }

  private func place(_ position: UInt64) -> ProgramAddress { bytes.advanced(by: Int(position % byteCount)) }

  /// bpf_ringbuf_reserve: 0 where there is no room.
  mutating func reserve(byteCount payload: UInt64, flags: UInt64, in memory: inout ProgramMemory) throws(BadAccess)
    -> UInt64
  {
    // The kernel leaves a byte free.
    guard flags == 0, payload < byteCount, produced + room(payload) - consumed < byteCount else { return 0 }
    let head = place(produced)
    try memory.write(UInt32(payload) | Self.busy, at: head)
    let record = try memory.open(head.advanced(by: Self.headByteCount), byteCount: Int(payload))
    try memory.clear(record, byteCount: Int(payload))
    pending.append((record, produced))
    produced += room(payload)
    return record.rawValue
  }

  /// bpf_ringbuf_submit, bpf_ringbuf_discard.
  /// - Returns: whether the record is one of this ring.
  mutating func finish(_ record: ProgramAddress, isDiscarded: Bool, in memory: inout ProgramMemory) throws(BadAccess)
    -> Bool
  {
    guard let index = pending.firstIndex(where: { $0.record == record }) else { return false }
    let head = place(pending.remove(at: index).position)
    memory.close(record)
    let length = try memory.read(UInt32.self, at: head) & ~Self.busy
    try memory.write(isDiscarded ? length | Self.discarded : length, at: head)
    return true
  }

  /// bpf_ringbuf_output: 0, or -EAGAIN where there is no room.
  mutating func output(
    _ data: ProgramAddress, byteCount payload: UInt64, in memory: inout ProgramMemory
  ) throws(BadAccess) -> UInt64 {
    let record = ProgramAddress(rawValue: try reserve(byteCount: payload, flags: 0, in: &memory))
    guard record.rawValue != 0 else { return UInt64(bitPattern: -11) }
    do throws(BadAccess) { try memory.copy(from: data, to: record, byteCount: Int(payload)) } catch {
      _ = try finish(record, isDiscarded: true, in: &memory)
      throw error
    }
    _ = try finish(record, isDiscarded: false, in: &memory)
    return 0
  }

  /// bpf_ringbuf_query: BPF_RB_AVAIL_DATA, BPF_RB_RING_SIZE, BPF_RB_CONS_POS, BPF_RB_PROD_POS.
  func answer(to question: UInt64) -> UInt64 {
    switch question {
    case 0: produced - consumed
    case 1: byteCount
    case 2: consumed
    case 3: produced
    default: 0
    }
  }

  /// A record that is not finished holds back those behind it.
  mutating func drain(in memory: borrowing ProgramMemory, _ body: (RawSpan) -> Void) throws(BadAccess) {
    while consumed < produced {
      let head = try memory.read(UInt32.self, at: place(consumed))
      guard head & Self.busy == 0 else { return }
      let length = head & ~Self.discarded
      if head & Self.discarded == 0 {
        try memory.withBytes(at: place(consumed).advanced(by: Self.headByteCount), count: Int(length), body)
      }
      consumed += room(UInt64(length))
    }
  }
}
