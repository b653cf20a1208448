internal import CLinux
import Glibc

/// A performance event of perf_event_open(2), which samples, counts, or stands for a probe that a program is attached to.
/// Closing it ends all of that.
package struct PerfEvent: ~Copyable, Sendable {
  package let descriptor: FileDescriptor

  /// `struct perf_event_attr`, as far as it is used.
  package struct Attributes {
    /// `PERF_TYPE_*`, or the number of a PMU in /sys/bus/event_source/devices.
    package var type: UInt32
    package var config: UInt64 = 0
    /// Each so many events, or so many times a second where `isFrequency` is set.
    package var period: UInt64 = 0
    package var isFrequency = false
    /// `PERF_SAMPLE_*`
    package var sampleType: UInt64 = 0
    /// Wakes its reader after so many events, or bytes where `isWatermark` is set.
    package var wakeup: UInt32 = 0
    package var isWatermark = false
    /// Newest data overwrites the oldest, written from the end of the ring to its start (4.7).
    package var writesBackward = false
    package var config1: UInt64 = 0
    package var config2: UInt64 = 0
    package var startsDisabled = false

    package init(type: UInt32) { self.type = type }

    /// Each time that a tracepoint is hit, whose number tracefs tells.
    package init(tracepoint number: UInt64) {
      (type, config, period) = (Self.tracepoint, number, 1)
    }
  }

  /// - Parameters:
  ///   - pid: the process, 0 for this one, -1 for all.
  ///   - cpu: the processor, -1 for all; one of both has to be given.
  package init(_ attributes: Attributes, pid: Int32, cpu: Int32) throws(SystemCallError) {
    descriptor = FileDescriptor(adopting: try Self.open(attributes, pid: pid, cpu: cpu))
  }

  /// The same for a PMU that takes a text, such as the name of a function, by its address in `config1`.
  package init(_ attributes: Attributes, text: String, pid: Int32, cpu: Int32) throws(SystemCallError) {
    let result = unsafe text.withCString { text in
      var attributes = attributes
      attributes.config1 = unsafe BPF.address(text)
      return Result { () throws(SystemCallError) in try Self.open(attributes, pid: pid, cpu: cpu) }
    }
    descriptor = FileDescriptor(adopting: try result.get())
  }

  private static func open(_ attributes: Attributes, pid: Int32, cpu: Int32) throws(SystemCallError) -> CInt {
    var attribute = linux_perf_event()
    attribute.type = attributes.type
    attribute.size = UInt32(MemoryLayout<linux_perf_event>.size)
    attribute.config = attributes.config
    attribute.sample_period = attributes.period
    attribute.sample_type = attributes.sampleType
    attribute.wakeup_events = attributes.wakeup
    attribute.config1 = attributes.config1
    attribute.config2 = attributes.config2
    let flags: [(isSet: Bool, bit: UInt64)] = [
      (attributes.startsDisabled, 0), (attributes.isFrequency, 10), (attributes.isWatermark, 14),
      (attributes.writesBackward, 27),
    ]
    for flag in flags where flag.isSet { attribute.flags |= 1 << flag.bit }
    let closeOnExec: UInt = 8  // PERF_FLAG_FD_CLOEXEC
    return try checked("perf_event_open", unsafe linux_perf_event_open(&attribute, pid, cpu, -1, closeOnExec))
  }

  /// PERF_EVENT_IOC_SET_BPF: runs the program when the event happens (4.1).
  package borrowing func attach(_ program: borrowing FileDescriptor) throws(SystemCallError) {
    try control("PERF_EVENT_IOC_SET_BPF", 0x4004_2408, UInt(program.number))
  }

  /// Closes it now and reports failure, which the end of the value cannot.
  package consuming func close() throws(SystemCallError) { try descriptor.close() }

  package borrowing func enable() throws(SystemCallError) { try control("PERF_EVENT_IOC_ENABLE", 0x2400, 0) }

  /// PERF_EVENT_IOC_PAUSE_OUTPUT: nothing is written to the ring meanwhile (4.7).
  package borrowing func pause(_ isPaused: Bool) throws(SystemCallError) {
    try control("PERF_EVENT_IOC_PAUSE_OUTPUT", 0x4004_2409, isPaused ? 1 : 0)
  }

  private borrowing func control(_ name: String, _ request: UInt, _ argument: UInt) throws(SystemCallError) {
    _ = try checked("ioctl(\(name))", linux_ioctl_number(descriptor.number, request, argument))
  }
}

extension PerfEvent.Attributes {
  /// `PERF_TYPE_*`
  package static let hardware: UInt32 = 0
  package static let software: UInt32 = 1
  package static let tracepoint: UInt32 = 2
  package static let cache: UInt32 = 3
  package static let raw: UInt32 = 4

  /// `PERF_COUNT_SW_BPF_OUTPUT`: a software event that happens only when a program writes to it (4.4).
  package static let bpfOutput: UInt64 = 10
  /// `PERF_SAMPLE_RAW`
  package static let rawSample: UInt64 = 1 << 10

  /// The number of a PMU that has none of its own, such as `kprobe` (4.17); `nil` where the kernel has no such.
  package static func type(ofUnit name: String) -> UInt32? {
    line(ofFile: "/sys/bus/event_source/devices/\(name)/type").flatMap { UInt32($0) }
  }

  /// Where a PMU has a field of its configuration: `config:32-63` is `(32, 63)`.
  package static func bits(ofUnit name: String, field: String) -> ClosedRange<Int>? {
    guard let place = line(ofFile: "/sys/bus/event_source/devices/\(name)/format/\(field)") else { return nil }
    let bounds = place.dropFirst("config:".count).split(separator: "-").compactMap { Int($0) }
    guard let first = bounds.first, let last = bounds.last, first <= last, last < 64 else { return nil }
    return first...last
  }
}
