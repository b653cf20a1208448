import LinuxCalls

extension PerfEvent.Attributes {
  /// An event of the PMUs `kprobe` and `uprobe` (4.17), which stand for one probe without a name. Their numbers, and where
  /// the bits of their configuration are, stand in /sys/bus/event_source/devices.
  init(probeUnit unit: String, isReturn: Bool) throws(SystemCallError) {
    let folder = "/sys/bus/event_source/devices/\(unit)"
    guard let type = Self.type(ofUnit: unit) else {
      throw SystemCallError(call: "open \(folder)/type", errno: .noSuchFile)
    }
    self.init(type: type)
    period = 1
    if isReturn { try set("retprobe", of: unit, to: 1) }
  }

  /// Sets a field of the configuration.
  mutating func set(_ field: String, of unit: String, to value: UInt64) throws(SystemCallError) {
    guard let bits = Self.bits(ofUnit: unit, field: field) else {
      throw SystemCallError(call: "open /sys/bus/event_source/devices/\(unit)/format/\(field)", errno: .noSuchFile)
    }
    guard bits.count == 64 || value >> UInt64(bits.count) == 0 else {
      throw SystemCallError(call: "perf_event_open with \(field) \(value)", errno: .invalidArgument)
    }
    config |= value << UInt64(bits.lowerBound)
  }
}
