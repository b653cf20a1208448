package import BPFLinks
package import BPFLoader
internal import BPFRings
internal import CaptureEvents
internal import LinuxCalls
package import PacketFilter

/// Which packets of an interface are captured.
package enum CaptureDirection: String, Hashable, Sendable, CaseIterable {
  case `in`, out, both
}

/// What a capture is asked to do.
package struct CaptureOptions: Sendable {
  /// Segments as the kernel's TCP receives them, on all interfaces of the calling thread's network namespace, instead of
  /// packets of interfaces.
  package var takesFromTCP = false
  /// The ways in which received packets may be taken by XDP, best first; empty for not at all.
  package var xdpRungs = Rung.xdp
  /// The ways in which classifiers may be attached, best first: they take what is sent, and what is received where XDP may
  /// not or cannot; empty for not at all.
  package var classifierRungs = Rung.classifier
  package var direction = CaptureDirection.in
  /// What the kernel runs for each packet; `nil` for all.
  package var filter: PacketFilter?
  /// How many bytes of each packet to take; `nil` for its headers.
  package var snapLength: Int?
  package var transport = RecordTransport.auto
  /// How many bytes of a packet a perf event has room for, with its record's head and a made-up link header.
  package static var longestPerfPacket: Int {
    PerfEventArray.longestSample - CaptureRecord.frameOffset - CaptureRecord.madeUpByteCount
  }
  /// The size of the ring, or of the ring of each CPU, in bytes: a power of two, and a multiple of the page size. `nil` for
  /// 8 MiB, which the CPUs share where each has a ring.
  package var ringByteCount: Int?
  /// How long packets wait at least before they are delivered, in nanoseconds, so that what others tell of them comes first.
  package var patience: UInt64 = 0
  /// How long the reader sleeps while packets come, in milliseconds: they are delivered this much later at most, and cost no
  /// wake-up each. Where the ring fills up meanwhile, it is woken.
  package var restMilliseconds = 10
  /// How many packets to deliver; `nil` for no limit.
  package var count: Int?
  /// How long to run, in seconds of the clock; `nil` for no limit.
  package var duration: Double?
  /// How often to report statistics, in seconds; `nil` for only at the end.
  package var statisticsInterval: Double?

  package init() {}

  func ringByteCount(usesPerfEvents: Bool) -> Int {
    if let ringByteCount { return ringByteCount }
    let all = 8 << 20
    guard usesPerfEvents, let count = try? onlineCPUs().count, count > 1 else { return all }
    // Rounded down to a power of two, and room for bursts also with many CPUs.
    return max(all >> (Int.bitWidth - (count - 1).leadingZeroBitCount), 1 << 17)
  }

  func snapLength(usesPerfEvents: Bool) -> Int? {
    usesPerfEvents ? snapLength.map { min($0, Self.longestPerfPacket) } : snapLength
  }
}
