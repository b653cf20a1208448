public import ArgumentParser
public import BPFLinks
import BPFLoader
import BPFObjectFile
import BPFRelocation
import BPFRun
import BPFTypes
import Glibc
import LinuxCalls

/// `merops run`
struct Run: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Loads a BPF object, attaches each program by its section, and prints its events.",
    discussion: """
      Records of ring buffers and perf event arrays are printed by the type in the object's BTF that has their length; \
      where there is none or several, --event names it, and without that they are printed in hexadecimal. What an \
      iterator writes, and what programs say with bpf_printk, is printed, too. Ends with SIGINT, SIGTERM, SIGHUP or --duration.
      """)

  @Argument(help: "The object file.")
  var object: String

  @Option(name: .shortAndLong, help: "For XDP, tc and netkit programs: the interface; can be given several times.")
  var interface: [String] = []
  @Option(help: "For programs of cgroups: the cgroup's folder.")
  var cgroup: String?
  @Option(help: "For sk_lookup and flow_dissector programs: a network namespace, such as /proc/PID/ns/net.")
  var netns: String?
  @Option(help: "For netfilter programs: FAMILY:HOOK[:PRIORITY], such as ipv4:local_in:-100.")
  var netfilter: NetfilterHook?
  @Option(help: "For tc programs whose section does not say it. (values: ingress, egress)")
  var direction: ClassifierDirection?
  @Option(help: "For probes in user space: only in this process.")
  var pid: Int32?
  @Option(help: "For perf_event programs: how often a second they run on each CPU.")
  var frequency: UInt64?
  @Option(
    help: ArgumentHelp(
      "Attach in this way only; what its hook has no such way for is left out.", valueName: "way"))
  var way: Rung.Way?

  @Flag(help: "One JSON object a line.")
  var json = false
  @Option(help: "MAP=STRUCT: the type of a ring's records.")
  var event: [String] = []
  @Option(help: "Seconds after which to end.")
  var duration: Double?
  @Flag(help: "Fail when a program cannot be loaded or attached, instead of going on without it.")
  var strict = false
  @Flag(help: "Leave the kernel's trace pipe alone, which programs print to and which has one reader only.")
  var noPrintk = false
  @Option(help: "Pin links and maps in this folder of a BPF file system, and leave them there at the end.")
  var pin: String?
  @Option(help: "Go on as this user once everything is attached.")
  var user: String?
  @OptionGroup(title: "Changes to the object")
  var changes: ObjectChanges

  func validate() throws {
    if let duration, !(duration >= 0) { throw ValidationError("--duration \(duration): seconds, 0 or more.") }
    if let frequency, frequency == 0 { throw ValidationError("--frequency 0: at least once a second.") }
    for assignment in event where !assignment.contains("=") {
      throw ValidationError("--event \(assignment): write MAP=STRUCT.")
    }
  }

  func run() throws {
    let spec = try loadedSpec()
    let chosen = try chosenEvents(in: spec)
    try explaining {
      var run = try ObjectRun(spec, pinDirectory: pin ?? "/sys/fs/bpf", strict: strict)
      defer { withExtendedLifetime(run) {} }
      // What would end the run waits from here on, so that all that is attached is taken back.
      let signals = try SignalQueue(Self.ends)
      defer { withExtendedLifetime(signals) {} }
      try run.attach(to: targets, strict: strict)
      for note in run.leftOut { StandardError.write("merops: left out \(note)") }
      for held in run.links { StandardError.write("merops: \(Self.words(held))") }
      if run.links.isEmpty, run.leftOut.count == spec.programs.count(where: \.isWanted) {
        throw Failure(report: "\(object): nothing is attached")
      }
      if let pin { try run.pin(in: pin) }
      let kernel = try TargetKernel.types()
      let types = try spec.btf.map { try EventTypes($0, kernel: kernel, chosen: chosen) }
      // Opened while this process may.
      var events = try ObjectEvents(of: run.object, readsTracePipe: !noPrintk, endingAt: Self.ends)
      if let user { try become(user, run.links) }
      var output = RunOutput(json: json, types: types)
      for held in run.links where held.link.place.hook == .iterator { try output.copy(held.link.makeReader()) }
      try follow(&events, &output)
      for (map, count) in events.lost { StandardError.write("merops: \(map): \(count) events lost, the ring was full") }
      if let error = output.failure, error.errno != .brokenPipe {
        throw Failure(report: "write to standard output: \(error.errno)")
      }
    }
  }

  private static let ends = [SIGINT, SIGTERM, SIGHUP]

  private func follow(_ events: inout ObjectEvents, _ output: inout RunOutput) throws {
    let end = duration.map { Clock.monotonic &+ UInt64(min($0, 1e9) * 1e9) }
    while true {
      let left = end.map { Int(($0 &- min(Clock.monotonic, $0) + 999_999) / 1_000_000) }
      let goesOn = try events.next(milliseconds: left) { output.write($0, $1) }
      output.flush()
      if !goesOn || output.failure != nil || left == 0 { return }
    }
  }

  private static func words(_ held: HeldLink) -> String {
    let (place, rung) = (held.link.place, held.link.rung)
    let refused = held.link.refusals.map { "\($0.rung) refused: \($0.reason)" }
    let removed = held.link.leftOversRemoved.map { "removed what a killed merops had left over: \($0); " }.joined()
    return removed + "\(place.program) is attached to \(place.target), by \(rung)"
      + (refused.isEmpty ? "" : " (\(refused.joined(separator: "; ")))")
  }

  /// What outlives the process has to be taken back with the privileges that it took.
  private func become(_ name: String, _ links: [HeldLink]) throws {
    guard let user = User(named: name) else { throw Failure(report: "--user \(name): there is no such user") }
    for held in links where ![.link, .perfEvent, .rawTracepoint, .socketOption].contains(held.link.rung.way) {
      throw Failure(
        report:
          "--user \(name): \(held.link.place.program) is attached by \(held.link.rung), which takes privileges to take"
          + " back; this kernel has no better way")
    }
    do { try user.become() } catch { throw Failure(report: "go on as \(name): \(error)") }
  }

  private var targets: AttachTargets {
    var targets = AttachTargets()
    targets.interfaces = interface
    targets.direction = direction
    targets.cgroup = cgroup
    targets.networkNamespace = netns
    targets.netfilter = netfilter
    targets.pid = pid
    targets.way = way
    targets.sampling = frequency.map { .frequency($0) }
    return targets
  }

  private func loadedSpec() throws -> ObjectSpec {
    let bytes = try KernelOptions.contents(of: object)
    var spec: ObjectSpec
    do {
      spec = try ObjectSpec(name: String(object.split(separator: "/").last ?? ""), bytes: bytes)
    } catch { throw Failure(report: "\(object): \(error)") }
    try changes.apply(to: &spec)
    for warning in spec.warnings { StandardError.write("merops: \(object): \(warning)") }
    return spec
  }

  private func chosenEvents(in spec: ObjectSpec) throws -> [String: String] {
    var chosen: [String: String] = [:]
    for assignment in event {
      let parts = assignment.split(separator: "=", maxSplits: 1).map(String.init)
      guard parts.count == 2, spec.mapIndex(parts[0]) != nil else {
        throw ValidationError(
          "--event \(assignment): the object has the maps \(spec.maps.map(\.name).joined(separator: ", ")).")
      }
      guard let btf = spec.btf, !((try? btf.types(named: parts[1], kinds: [.structure])) ?? []).isEmpty else {
        throw ValidationError("--event \(assignment): the object's BTF has no struct \(parts[1]).")
      }
      chosen[parts[0]] = parts[1]
    }
    return chosen
  }
}

extension ClassifierDirection: ExpressibleByArgument {}

extension Rung.Way: ExpressibleByArgument {}

extension NetfilterHook: ExpressibleByArgument {
  public init?(argument: String) {
    let parts = argument.split(separator: ":").map(String.init)
    let families: [String: Family] = ["ipv4": .ipv4, "ipv6": .ipv6]
    let points: [String: Point] = [
      "pre_routing": .preRouting, "local_in": .localIn, "forward": .forward, "local_out": .localOut,
      "post_routing": .postRouting,
    ]
    guard (2...3).contains(parts.count), let family = families[parts[0]], let point = points[parts[1]] else {
      return nil
    }
    guard let priority = parts.count == 3 ? Int32(parts[2]) : 0 else { return nil }
    self.init(family, point, priority: priority)
  }
}
