import Synchronization

/// One counter the kernel shares with us through a mapping; does not own the memory.
@safe struct SharedCounter: ~Copyable {
  private let cell: UnsafeMutablePointer<Atomic<UInt>>

  init(at address: UnsafeMutableRawPointer) {
    unsafe cell = address.bindMemory(to: Atomic<UInt>.self, capacity: 1)
  }

  func acquire() -> UInt { unsafe cell.pointee.load(ordering: .acquiring) }
  func release(_ value: UInt) { unsafe cell.pointee.store(value, ordering: .releasing) }
}
