public import BPFLoader
import BPFObjectFile
import BPFRelocation
import LinuxCalls

/// Many functions of the kernel.
public enum KernelFunctions: Hashable, Sendable {
  case named([String])
  /// Those whose names a pattern with `*` and `?` fits, as far as they can be traced.
  case matching(String)
  case addresses([UInt64])
}

extension Program {
  /// Attaches a program of a section `kprobe.multi`, `kretprobe.multi` (5.18) or `kprobe.session` (6.10) to many functions
  /// by one link.
  /// - Parameters:
  ///   - isReturn: when they return instead of when they are called. In a session the program runs at both.
  ///   - cookies: what `bpf_get_attach_cookie` tells the program: none, one for all, or one for each.
  public func attachKprobeMulti(
    _ functions: KernelFunctions, isReturn: Bool = false, cookies: [UInt64] = []
  ) throws(AttachError) -> Link {
    let place = AttachPlace(program: name, hook: .kprobe, target: "\(functions)")
    let type = plan.expectedAttachType
    guard type == .traceKprobeMulti || type == .traceKprobeSession else {
      throw AttachError(
        place: place, reason: .wrongProgram("it was not loaded for many kprobes, but as \(plan.sectionName)"))
    }
    let (symbols, addresses) = try functions.resolved(place)
    let cookies = try place.cookies(cookies, count: max(symbols.count, addresses.count))
    do throws(AttachError) {
      return try place.climb(Rung.kprobeMulti) { (rung) throws(RungFailure) in
        try RungFailure.running { () throws(SystemCallError) in
          .link(
            try BPF.createLink(
              program: descriptor, attachType: type.rawValue,
              to: .kernelFunctions(
                symbols: symbols, addresses: addresses, cookies: cookies, flags: isReturn ? 1 : 0)))
        }
      }
    } catch { throw functions.explained(error) }
  }
}

extension Rung {
  public static let kprobeMulti = [Rung(.link)]
}

extension AttachPlace {
  /// One cookie for each place, or none.
  func cookies(_ cookies: [UInt64], count: Int) throws(AttachError) -> [UInt64] {
    switch cookies.count {
    case 0, count: return cookies
    case 1: return Array(repeating: cookies[0], count: count)
    default:
      throw AttachError(
        place: self, reason: .noTarget("there are \(cookies.count) cookies for \(count) places", hint: nil))
    }
  }
}

extension KernelFunctions: CustomStringConvertible {
  public var description: String {
    switch self {
    case .named(let names): names.count > 3 ? "\(names[0]) and \(names.count - 1) more" : names.joined(separator: ", ")
    case .matching(let pattern): pattern
    case .addresses(let addresses): "\(addresses.count) addresses"
    }
  }
}

extension KernelFunctions {
  fileprivate func resolved(_ place: AttachPlace) throws(AttachError) -> (symbols: [String], addresses: [UInt64]) {
    var (symbols, addresses): ([String], [UInt64]) = ([], [])
    switch self {
    case .named(let names):
      guard Set(names).count == names.count else {
        throw AttachError(place: place, reason: .noTarget("a function is named twice", hint: nil))
      }
      symbols = names
    case .addresses(let given): addresses = given
    case .matching(let pattern):
      let glob = Glob(pattern)
      let known = KernelFunctionList.symbols()?.functions(containing: glob.literal, where: glob.matches)
      if let known, let list = KernelFunctionList.traceable(addresses: true) {
        addresses = Self.starts(of: known, traceableAt: list.addresses)
      }
      if !addresses.isEmpty { break }
      if let list = KernelFunctionList.traceable(addresses: false) {
        // One name that the kernel does not know sinks all.
        let names = known.map { Set($0.map(\.name)) }
        symbols = list.names(matching: glob).filter { names?.contains($0) ?? true }.unique
      } else if let known {
        symbols = known.map(\.name).unique
      } else {
        throw AttachError(
          place: place,
          reason: .noTarget(
            "neither available_filter_functions in tracefs nor /proc/kallsyms can be read, which list the functions",
            hint: "mount -t tracefs tracefs /sys/kernel/tracing"))
      }
    }
    guard !symbols.isEmpty || !addresses.isEmpty else {
      throw AttachError(place: place, reason: .noTarget("there is no such function that can be traced", hint: nil))
    }
    return (symbols, addresses)
  }

  /// Where those of the functions begin that can be traced. What is listed as traceable is the call for the tracer, a few
  /// bytes behind that on some machines: given those, the kernel finds no cookies. It is listed under one name only, which
  /// need not be the one that was asked for; and addresses tell functions of one name apart.
  static func starts(of functions: [KernelFunctionList.Function], traceableAt calls: [UInt64]) -> [UInt64] {
    let farthest: UInt64 = 16
    let calls = calls.sorted()
    return functions.map(\.address).filter { start in
      guard start != 0 else { return false }
      var (low, high) = (0, calls.count)
      while low < high {
        let middle = (low + high) / 2
        if calls[middle] < start { low = middle + 1 } else { high = middle }
      }
      return low < calls.count && calls[low] - start <= farthest
    }.unique
  }

  /// Which of the names the kernel does not have, for it only tells that there is one.
  fileprivate func explained(_ error: AttachError) -> AttachError {
    guard case .named(let names) = self, case .refused(let refusals) = error.reason,
      let errno = refusals.last?.errno, errno == .noSuchProcess || errno == .noSuchFile || errno == .invalidArgument,
      let symbols = KernelFunctionList.symbols()
    else { return error }
    guard let missing = names.first(where: { symbols.functions(named: $0, module: nil).isEmpty }) else { return error }
    return AttachError(
      place: error.place,
      reason: .noTarget("there is no function \(missing)", hint: NearNames.question(symbols.names(near: missing))))
  }
}

extension Array where Element: Hashable {
  /// Each once, in the same order.
  fileprivate var unique: [Element] {
    var seen: Set<Element> = []
    return filter { seen.insert($0).inserted }
  }
}
