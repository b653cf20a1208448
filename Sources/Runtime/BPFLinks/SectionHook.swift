import BPFLoader
public import BPFObjectFile
import BPFRelocation

/// Where a program is attached by what its section says, as far as that says it: pure, so that it can be shown and tested.
public enum SectionHook: Hashable, Sendable {
  case kprobe(KernelLocation, isReturn: Bool)
  case kprobeMulti(KernelFunctions, isReturn: Bool)
  case systemCall(String, isReturn: Bool)
  case uprobe(UserLocation, file: String, isReturn: Bool)
  case uprobeMulti(UserFunctions, file: String, isReturn: Bool)
  case usdt(file: String, provider: String, name: String)
  case tracepoint(category: String, name: String)
  case rawTracepoint(String)
  /// What the program was loaded for.
  case tracing
  /// The same with many functions, by a glob.
  case tracingMulti(String)
  case iterator
  case xdp, classifier, netkit, cgroup, skLookup, flowDissector, netfilter, sockmap, perfEvent
  /// Not by a name: what it takes.
  case other(String)

  /// - Parameters:
  ///   - section: of the program, `kprobe/tcp_connect`; what stands before the slash decides.
  ///   - target: what comes behind it, or has been put in its place.
  public init(section: String, target: String?, type: ProgramType, attachType: AttachType) {
    let kind = section.drop { $0 == "?" }.prefix { $0 != "/" }
    let isReturn = kind.hasPrefix("kret") || kind.hasPrefix("uret")
    let target = target.flatMap { $0.isEmpty ? nil : $0 }
    self = Self.named(String(kind), target, isReturn: isReturn) ?? Self.typed(type, attachType)
  }

  /// The kinds that name their target.
  private static func named(_ kind: String, _ target: String?, isReturn: Bool) -> SectionHook? {
    func needing(_ what: String, _ make: (String) -> SectionHook?) -> SectionHook {
      guard let target else { return .other("its section names no \(what): \(kind)/…") }
      return make(target) ?? .other("its section names no \(what), but '\(target)'")
    }
    // Sleepable ones are attached like others.
    let kind = kind.hasSuffix(".s") ? String(kind.dropLast(2)) : kind
    switch kind {
    // Programs on functions of files are of the same type, and were in such sections before there was `uprobe`.
    case "kprobe", "kretprobe":
      return needing("function") { target in
        if target.hasPrefix("/") { return userFunction(target, isReturn: isReturn) }
        return .kprobe(kernelLocation(target), isReturn: isReturn)
      }
    case "kprobe.multi", "kretprobe.multi", "kprobe.session":
      return needing("functions") { .kprobeMulti(.matching($0), isReturn: isReturn) }
    case "ksyscall", "kretsyscall": return needing("system call") { .systemCall($0, isReturn: isReturn) }
    case "uprobe", "uretprobe":
      return needing("file and function (uprobe/FILE:FUNCTION)") {
        userFunction($0, isReturn: isReturn)
      }
    case "uprobe.multi", "uretprobe.multi", "uprobe.session":
      return needing("file and functions (uprobe.multi/FILE:GLOB)") {
        split($0).map { .uprobeMulti(.matching($0.symbol), file: $0.file, isReturn: isReturn) }
      }
    case "usdt":
      return needing("file, provider and probe (usdt/FILE:PROVIDER:NAME)") { target in
        let parts = target.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 3, !parts.contains("") else { return nil }
        return .usdt(file: parts[0], provider: parts[1], name: parts[2])
      }
    case "tp", "tracepoint":
      return needing("tracepoint (tp/CATEGORY/NAME)") { target in
        let parts = target.split(separator: "/", maxSplits: 1).map(String.init)
        return parts.count == 2 ? .tracepoint(category: parts[0], name: parts[1]) : nil
      }
    case "raw_tp", "raw_tracepoint", "raw_tp.w", "raw_tracepoint.w":
      return needing("tracepoint") { .rawTracepoint($0) }
    case "fentry.multi", "fexit.multi", "fsession.multi": return needing("functions") { .tracingMulti($0) }
    default: return nil
    }
  }

  /// The kinds whose target is no part of the section, or that were loaded for it.
  private static func typed(_ type: ProgramType, _ attachType: AttachType) -> SectionHook {
    switch type {
    case .tracing: attachType == .traceIterator ? .iterator : .tracing
    case .lsm: attachType == .lsmCgroup ? .cgroup : .tracing
    case .xdp:
      attachType == .xdp || attachType == .none ? .xdp : .other("it is for an entry of a map of devices or CPUs")
    case .schedulerClassifier:
      attachType == .netkitPrimary || attachType == .netkitPeer ? .netkit : .classifier
    case .cgroupSKB, .cgroupSocket, .cgroupSocketAddress, .cgroupSocketOption, .cgroupSysctl, .cgroupDevice,
      .socketOperations:
      .cgroup
    case .skLookup: .skLookup
    case .flowDissector: .flowDissector
    case .netfilter: .netfilter
    case .skMessage, .skSKB: .sockmap
    case .perfEvent: .perfEvent
    case .socketFilter, .skReuseport: .other("it filters for a socket, which the process that has that attaches")
    case .syscall: .other("it runs when it is called (BPF_PROG_TEST_RUN)")
    case .`extension`: .other("it replaces a function of another program, which has to be named when it is loaded")
    default: .other("there is no way to attach it here")
    }
  }

  /// `name+0x10`
  private static func kernelLocation(_ text: String) -> KernelLocation {
    guard let (name, offset) = offset(text) else { return .function(text) }
    return .function(name, offset: offset)
  }

  private static func userLocation(_ text: String) -> UserLocation {
    if let offset = number(text) { return .fileOffset(offset) }
    guard let (name, offset) = offset(text) else { return .symbol(text) }
    return .symbol(name, offset: offset)
  }

  private static func offset(_ text: String) -> (name: String, offset: UInt64)? {
    guard let plus = text.lastIndex(of: "+"), let offset = number(String(text[text.index(after: plus)...])) else {
      return nil
    }
    return (String(text[..<plus]), offset)
  }

  private static func number(_ text: String) -> UInt64? {
    text.hasPrefix("0x") ? UInt64(text.dropFirst(2), radix: 16) : UInt64(text)
  }

  /// A file's path and what is looked for in it; the path may have colons of its own.
  private static func userFunction(_ text: String, isReturn: Bool) -> SectionHook? {
    split(text).map { .uprobe(userLocation($0.symbol), file: $0.file, isReturn: isReturn) }
  }

  private static func split(_ text: String) -> (file: String, symbol: String)? {
    guard let colon = text.lastIndex(of: ":") else { return nil }
    let (file, symbol) = (String(text[..<colon]), String(text[text.index(after: colon)...]))
    return file.isEmpty || symbol.isEmpty ? nil : (file, symbol)
  }
}
