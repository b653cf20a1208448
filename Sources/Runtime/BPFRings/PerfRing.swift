import LinuxCalls

/// The ring of one CPU's perf event that programs write samples to (perf_event_open(2), "MMAP layout").
final class PerfRing {
  let cpu: Int
  let event: PerfEvent
  let pages: PerfPages
  private let mapping: MemoryMapping

  /// - Parameter byteCount: of the records; a power of two of pages.
  init(_ attributes: PerfEvent.Attributes, cpu: Int, byteCount: Int) throws(SystemCallError) {
    self.cpu = cpu
    event = try PerfEvent(attributes, pid: -1, cpu: Int32(cpu))
    // A mapping that cannot be written has no tail: that makes the ring overwrite its oldest records.
    do {
      mapping = try MemoryMapping(
        of: event.descriptor, byteCount: pageSize + byteCount, writable: !attributes.writesBackward)
    } catch {
      guard error.errno == .notPermitted else { throw error }
      throw SystemCallError(
        call:
          "mmap of a perf ring of \(byteCount) bytes, where kernel.perf_event_mlock_kb and RLIMIT_MEMLOCK allow less "
          + "without CAP_IPC_LOCK", errno: error.errno)
    }
    unsafe pages = PerfPages(at: mapping.address, pageSize: pageSize, byteCount: byteCount)
  }
}
