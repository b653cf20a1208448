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
    do { event = try PerfEvent(attributes, pid: -1, cpu: Int32(cpu)) } catch {
      guard error.errno == .accessDenied || error.errno == .notPermitted else { throw error }
      let level = line(ofFile: "/proc/sys/kernel/perf_event_paranoid") ?? "unknown"
      throw SystemCallError(
        call: "perf_event_open where kernel.perf_event_paranoid is \(level) (above 0 it takes CAP_PERFMON, above 2 "
          + "CAP_SYS_ADMIN)", errno: error.errno)
    }
    do {
      // A mapping that cannot be written has no tail: that makes the ring overwrite its oldest records.
      mapping = try MemoryMapping(
        of: event.descriptor, byteCount: pageSize + byteCount, writable: !attributes.writesBackward)
    } catch {
      guard error.errno == .notPermitted else { throw error }
      throw SystemCallError(
        call:
          "mmap of a perf ring of \(byteCount) bytes (what is more than kernel.perf_event_mlock_kb for each CPU and "
          + "RLIMIT_MEMLOCK takes CAP_IPC_LOCK)", errno: error.errno)
    }
    unsafe pages = PerfPages(at: mapping.address, pageSize: pageSize, byteCount: byteCount)
  }
}
