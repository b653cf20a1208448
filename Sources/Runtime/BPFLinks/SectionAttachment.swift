public import BPFLoader
import BPFObjectFile
import BPFRelocation

/// What programs are attached to whose section does not say it.
public struct AttachTargets: Sendable {
  public var interfaces: [String] = []
  public var xdpRungs = Rung.xdp
  /// The only way of attaching that is taken, of those that the hook has; `nil` for the best that the kernel allows.
  public var way: Rung.Way?
  /// For classifiers whose section does not say it.
  public var direction: ClassifierDirection?
  /// The path of a cgroup's directory.
  public var cgroup: String?
  /// The path of a network namespace, such as /proc/PID/ns/net.
  public var networkNamespace: String?
  public var netfilter: NetfilterHook?
  /// For probes in user space: only this process.
  public var pid: Int32?
  /// How often programs of `perf_event` run, on the CPUs' clock.
  public var sampling: SamplingRate?

  public init() {}
}

/// Links in a place where arrays can hold them.
public final class HeldLink: Sendable {
  public let link: Link
  init(_ link: consuming Link) { self.link = link }
}

extension Program {
  /// Why a program was not attached, which is no failure: what it takes that nobody has named.
  public struct Unattached: Hashable, Sendable, CustomStringConvertible {
    public let program: String
    public let reason: String
    public var description: String { "\(program): \(reason)" }
  }

  /// The hook that the program's section asks for.
  public var sectionHook: SectionHook {
    SectionHook(
      section: plan.sectionName, target: plan.target, type: plan.type, attachType: plan.expectedAttachType)
  }

  /// Attaches the program to what its section names, and where it names nothing, to what `targets` does.
  /// - Parameter maps: of the object, among which programs on sockets find theirs.
  /// - Returns: several links for several interfaces; none where a target is missing.
  public func attach(
    to targets: AttachTargets, maps: [Map] = []
  ) throws(AttachError) -> (links: [HeldLink], unattached: Unattached?) {
    func needs(_ what: String) -> (links: [HeldLink], unattached: Unattached?) {
      ([], Unattached(program: name, reason: what))
    }
    func one(_ link: consuming Link) -> (links: [HeldLink], unattached: Unattached?) { ([HeldLink(link)], nil) }
    func eachInterface(
      _ attach: (String) throws(AttachError) -> Link
    ) throws(AttachError) -> (links: [HeldLink], unattached: Unattached?) {
      guard !targets.interfaces.isEmpty else { return needs("needs an interface") }
      var links: [HeldLink] = []
      for interface in targets.interfaces { links.append(HeldLink(try attach(interface))) }
      return (links, nil)
    }
    let hook = sectionHook
    let ladder = hook == .xdp ? targets.xdpRungs : hook.rungs
    let rungs = ladder.filter { targets.way == nil || $0.way == targets.way }
    if let way = targets.way, rungs.isEmpty, !ladder.isEmpty {
      let known = Rung.Way.allCases.filter { way in ladder.contains { $0.way == way } }.map(\.rawValue)
      return needs("is not attached by \(way.rawValue), only by \(known.joined(separator: " or "))")
    }
    switch hook {
    case .kprobe(let location, let isReturn):
      return one(try attachKprobe(location, isReturn: isReturn, rungs: rungs))
    case .kprobeMulti(let functions, let isReturn):
      return one(try attachKprobeMulti(functions, isReturn: isReturn))
    case .systemCall(let name, let isReturn):
      return one(try attachSystemCall(name, isReturn: isReturn, rungs: rungs))
    case .uprobe(let location, let file, let isReturn):
      return one(try attachUprobe(location, in: file, isReturn: isReturn, pid: targets.pid, rungs: rungs))
    case .uprobeMulti(let functions, let file, let isReturn):
      return one(try attachUprobeMulti(functions, in: file, isReturn: isReturn, pid: targets.pid))
    case .usdt(let file, let provider, let name):
      return one(try attachUSDT(provider: provider, name, in: file, pid: targets.pid, rungs: rungs))
    case .tracepoint(let category, let name): return one(try attachTracepoint(name, category: category, rungs: rungs))
    case .rawTracepoint(let name): return one(try attachRawTracepoint(name))
    case .tracing: return one(try attachTracing(rungs: rungs))
    case .tracingMulti(let pattern):
      return one(try attachTracing(toFunctions: KernelFunctionList.names(matching: pattern)))
    case .iterator: return one(try attachIterator())
    case .xdp:
      return try eachInterface { (interface) throws(AttachError) in
        try attachXDP(to: interface, rungs: rungs)
      }
    case .classifier:
      guard targets.direction != nil || ClassifierDirection(plan.expectedAttachType) != nil else {
        return needs("its section does not say ingress or egress")
      }
      return try eachInterface { (interface) throws(AttachError) in
        try attachClassifier(to: interface, targets.direction, rungs: rungs)
      }
    case .netkit:
      return try eachInterface { (interface) throws(AttachError) in try attachNetkit(to: interface, rungs: rungs) }
    case .cgroup:
      guard let cgroup = targets.cgroup else { return needs("needs a cgroup") }
      return one(try attachCgroup(at: cgroup, rungs: rungs))
    case .skLookup:
      guard let namespace = targets.networkNamespace else { return needs("needs a network namespace") }
      return one(try attachSkLookup(toNamespace: namespace, rungs: rungs))
    case .flowDissector:
      guard let namespace = targets.networkNamespace else { return needs("needs a network namespace") }
      return one(try attachFlowDissector(toNamespace: namespace, rungs: rungs))
    case .netfilter:
      guard let hook = targets.netfilter else { return needs("needs a hook of netfilter") }
      return one(try attachNetfilter(to: hook, rungs: rungs))
    case .sockmap:
      let sockmaps = maps.filter { [.socketMap, .socketHash].contains($0.spec.type) }
      guard sockmaps.count == 1 else { return needs("the object has \(sockmaps.count) maps of sockets, not one") }
      return one(try attachSockmap(to: sockmaps[0], rungs: rungs))
    case .perfEvent:
      guard let sampling = targets.sampling else { return needs("needs a sampling frequency or period") }
      return one(try attachPerfEvent(.software(.cpuClock), sampling, rungs: rungs))
    case .other(let reason): return needs(reason)
    }
  }
}

extension SectionHook {
  /// All ways of attaching, best first.
  fileprivate var rungs: [Rung] {
    switch self {
    case .kprobe, .systemCall: Rung.kprobe
    case .kprobeMulti: Rung.kprobeMulti
    case .uprobe: Rung.uprobe
    case .uprobeMulti: Rung.uprobeMulti
    case .usdt: Rung.usdt
    case .tracepoint: Rung.tracepoint
    case .rawTracepoint: [Rung(.rawTracepoint)]
    case .tracing: Rung.tracing
    case .tracingMulti, .iterator: [Rung(.link)]
    case .xdp: Rung.xdp
    case .classifier: Rung.classifier
    case .netkit: Rung.netkit
    case .cgroup: Rung.cgroup
    case .skLookup: Rung.skLookup
    case .flowDissector: Rung.flowDissector
    case .netfilter: Rung.netfilter
    case .sockmap: Rung.sockmap
    case .perfEvent: Rung.perfEvent
    case .other: []
    }
  }
}
