public import BPFLoader
import BPFObjectFile
import BPFRelocation
import LinuxCalls

/// Something that the machine or the kernel counts, and that a `perf_event` program samples.
public enum SampledEvent: Hashable, Sendable {
  /// What the processor counts, by the kernel's own names. Virtual machines often have none of them.
  case hardware(Hardware)
  /// What the kernel counts.
  case software(Software)
  /// What a cache of the processor counts.
  case cache(Cache, CacheOperation, missesOnly: Bool)
  /// An event of a processor by its own number, or of another unit in /sys/bus/event_source/devices.
  case raw(config: UInt64, unit: String?)
  /// The kernel runs `tracepoint` programs there, and no `perf_event` programs.
  case tracepoint(category: String, name: String)

  /// `enum perf_hw_id`
  public enum Hardware: UInt64, Hashable, Sendable, CaseIterable {
    case cpuCycles, instructions, cacheReferences, cacheMisses, branchInstructions, branchMisses, busCycles
    case stalledCyclesFrontend, stalledCyclesBackend, referenceCPUCycles
  }

  /// `enum perf_sw_ids`, without those that nothing happens at.
  public enum Software: UInt64, Hashable, Sendable, CaseIterable {
    /// A timer of each processor's: periods are nanoseconds.
    case cpuClock
    /// The same, as long as the task runs.
    case taskClock
    case pageFaults, contextSwitches, cpuMigrations, minorPageFaults, majorPageFaults, alignmentFaults, emulationFaults
    case cgroupSwitches = 11
  }

  /// `enum perf_hw_cache_id`
  public enum Cache: UInt64, Hashable, Sendable, CaseIterable {
    case level1Data, level1Instructions, lastLevel, dataTLB, instructionTLB, branchPrediction, node
  }

  /// `enum perf_hw_cache_op_id`
  public enum CacheOperation: UInt64, Hashable, Sendable, CaseIterable {
    case read, write, prefetch
  }
}

/// How often an event is sampled.
public enum SamplingRate: Hashable, Sendable {
  /// At every so many events.
  case period(UInt64)
  /// So many times a second, for which the kernel adjusts the period. /proc/sys/kernel/perf_event_max_sample_rate bounds it.
  case frequency(UInt64)
}

/// Whose events are sampled.
public enum SamplingScope: Hashable, Sendable {
  /// Everything on every processor that is online when the program is attached: an event for each.
  case allCPUs
  /// Everything on some processors.
  case cpus([Int32])
  /// A thread's, wherever it runs; 0 is the calling one.
  case thread(Int32)
  /// A thread's on some processors.
  case threadOnCPUs(Int32, [Int32])
}

extension Program {
  /// Runs a `perf_event` program at every so many events of a kind.
  /// - Parameter cookie: what `bpf_get_attach_cookie` tells the program (5.15).
  public func attachPerfEvent(
    _ event: SampledEvent, _ rate: SamplingRate, in scope: SamplingScope = .allCPUs, cookie: UInt64 = 0,
    rungs: [Rung] = Rung.perfEvent
  ) throws(AttachError) -> Link {
    let place = AttachPlace(program: name, hook: .perfEvent, target: "\(event)")
    guard plan.type == .perfEvent else {
      throw AttachError(place: place, reason: .wrongProgram("it is no perf_event program"))
    }
    let attributes = try place.attributes(of: event, rate)
    let places = try place.places(in: scope)
    do throws(AttachError) {
      return try place.climb(rungs) { (rung) throws(RungFailure) in
        var parts: [Attachment.Part] = []
        for (pid, cpu) in places {
          let event = try RungFailure.running { () throws(SystemCallError) in
            try PerfEvent(attributes, pid: pid, cpu: cpu)
          }
          let attachment = try attach(to: event, cookie: cookie, rung)
          // One alone is as any other link: it can be pinned.
          if places.count == 1 { return attachment }
          parts.append(Attachment.Part(attachment))
        }
        return .several(parts)
      }
    } catch {
      guard case .refused(let refusals) = error.reason, refusals.last?.call == "perf_event_open",
        let unit = place.missingUnit(for: event, refusals.last?.errno)
      else { throw error }
      throw AttachError(place: place, reason: unit)
    }
  }
}

extension Rung {
  public static let perfEvent = perfEvents
}

extension SampledEvent: CustomStringConvertible {
  public var description: String {
    switch self {
    case .hardware(let event): "hardware event \(event)"
    case .software(let event): "software event \(event)"
    case .cache(let cache, let operation, let missesOnly):
      "\(missesOnly ? "missed " : "")\(operation)s of cache \(cache)"
    case .raw(let config, let unit): "event 0x\(String(config, radix: 16)) of \(unit ?? "the processor")"
    case .tracepoint(let category, let name): "tracepoint \(category)/\(name)"
    }
  }
}

extension AttachPlace {
  fileprivate func attributes(
    of event: SampledEvent, _ rate: SamplingRate
  ) throws(AttachError) -> PerfEvent.Attributes {
    var attributes: PerfEvent.Attributes
    switch event {
    case .hardware(let event):
      attributes = PerfEvent.Attributes(type: PerfEvent.Attributes.hardware)
      attributes.config = event.rawValue
    case .software(let event):
      attributes = PerfEvent.Attributes(type: PerfEvent.Attributes.software)
      attributes.config = event.rawValue
    case .cache(let cache, let operation, let missesOnly):
      attributes = PerfEvent.Attributes(type: PerfEvent.Attributes.cache)
      attributes.config = cache.rawValue | operation.rawValue << 8 | (missesOnly ? 1 : 0) << 16
    case .raw(let config, let unit):
      guard let type = unit.map(PerfEvent.Attributes.type(ofUnit:)) ?? PerfEvent.Attributes.raw else {
        throw AttachError(place: self, reason: noUnit(unit ?? ""))
      }
      attributes = PerfEvent.Attributes(type: type)
      attributes.config = config
    case .tracepoint:
      throw AttachError(
        place: self,
        reason: .wrongProgram("the kernel runs tracepoint programs at tracepoints, and no perf_event programs"))
    }
    switch rate {
    case .period(let period): attributes.period = period
    case .frequency(let frequency): (attributes.period, attributes.isFrequency) = (frequency, true)
    }
    guard attributes.period > 0 else {
      throw AttachError(place: self, reason: .noTarget("a rate of 0 samples nothing", hint: nil))
    }
    return attributes
  }

  fileprivate func places(in scope: SamplingScope) throws(AttachError) -> [(pid: Int32, cpu: Int32)] {
    let places: [(Int32, Int32)]
    switch scope {
    case .allCPUs:
      do { places = try onlineCPUs().map { (-1, $0) } } catch {
        throw AttachError(place: self, reason: .failed(error.call, error.errno))
      }
    case .cpus(let cpus): places = cpus.map { (-1, $0) }
    case .thread(let thread): places = [(thread, -1)]
    case .threadOnCPUs(let thread, let cpus): places = cpus.map { (thread, $0) }
    }
    guard !places.isEmpty else {
      throw AttachError(place: self, reason: .noTarget("no processor was given", hint: nil))
    }
    return places
  }

  /// Why perf_event_open(2) does not know an event, as far as that can be told.
  fileprivate func missingUnit(for event: SampledEvent, _ errno: Errno?) -> AttachError.Reason? {
    guard errno == .noSuchFile || errno == .notSupported || errno == .noSuchDevice else { return nil }
    switch event {
    case .hardware, .cache, .raw(_, unit: nil):
      let units = Self.units
      // `cpu`, `cpu_core` and `cpu_atom`, `armv8_pmuv3_0`
      guard units.contains(where: { $0.hasPrefix("cpu") || $0.contains("pmuv") }) else {
        return noUnit("cpu", among: units)
      }
      return .noTarget("the processor does not count that", hint: "'perf list' tells what it counts.")
    case .software, .raw, .tracepoint: return nil
    }
  }

  private static var units: [String] { entries(ofDirectory: "/sys/bus/event_source/devices").sorted() }

  private func noUnit(_ name: String, among units: [String] = units) -> AttachError.Reason {
    .noTarget(
      "this machine has no performance monitoring unit \(name)",
      hint:
        "There are \(units.joined(separator: ", ")). Virtual machines often have none of the processor's; the software"
        + " event cpuClock is everywhere.")
  }
}
