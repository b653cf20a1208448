import LinuxCalls

/// A place in the code of the kernel or one of its modules.
public enum KernelLocation: Hashable, Sendable {
  /// `tcp_connect` or, in a module, `nf_tables:nft_do_chain`; an offset in bytes has to meet the start of an instruction.
  case function(String, offset: UInt64 = 0)
  case address(UInt64)
}

extension KernelLocation: CustomStringConvertible {
  public var description: String {
    switch self {
    case .function(let name, let offset): "\(name)+0x\(String(offset, radix: 16))"
    case .address(let address): "0x\(String(address, radix: 16))"
    }
  }
}

extension KernelLocation {
  /// The module, where one is named, and the function.
  var parts: (module: String?, name: String)? {
    guard case .function(let text, _) = self else { return nil }
    let parts = text.split(separator: ":", maxSplits: 1)
    return parts.count == 2 ? (String(parts[0]), String(parts[1])) : (nil, text)
  }

  /// Where a function of a module is, which the kernel would otherwise wait for to be loaded; `nil` for other places, and
  /// where the kernel hides its addresses.
  func moduleAddress(_ place: AttachPlace) throws(AttachError) -> UInt64? {
    guard case .function(_, let offset) = self, let (named, name) = parts, let module = named,
      let symbols = KernelFunctionList.symbols()
    else { return nil }
    guard let found = symbols.functions(named: name, module: module).first else {
      throw AttachError(place: place, reason: reason(in: symbols, errno: .noSuchFile)!)
    }
    guard found.address != 0, case (let address, false) = found.address.addingReportingOverflow(offset) else {
      return nil
    }
    return address
  }

  /// Puts what the kernel answered with a number into words, as far as its lists tell.
  func explained(_ error: AttachError) -> AttachError {
    guard case .refused(let refusals) = error.reason, let errno = refusals.last?.errno, errno != .notPermitted,
      errno != .accessDenied, let symbols = KernelFunctionList.symbols(),
      let reason = reason(in: symbols, errno: errno)
    else { return error }
    return AttachError(place: error.place, reason: reason)
  }

  /// Why there can be no probe; `nil` where nothing is known.
  private func reason(in symbols: KernelFunctionList, errno: Errno) -> AttachError.Reason? {
    guard case .function(_, let offset) = self, let (module, name) = parts else { return nil }
    let found = symbols.functions(named: name, module: module)
    guard !found.isEmpty else {
      if let module {
        let elsewhere = symbols.functions(named: name, module: nil).map { $0.module ?? "the kernel itself" }
        if !elsewhere.isEmpty {
          return .noTarget(
            "the module \(module) has no such function",
            hint: "It is in \(Set(elsewhere).sorted().joined(separator: ", ")).")
        }
      }
      return .noTarget(
        module.map { "the module \($0) is not loaded, or has no such function" } ?? "there is no such function",
        hint: NearNames.question(symbols.names(near: name))
          ?? "The compiler may have inlined it. /proc/kallsyms lists what is there.")
    }
    if KprobeBlacklist.contains(name) ?? false {
      return .noTarget(
        "the kernel allows no kprobe there",
        hint: "\(KprobeBlacklist.path) lists all such functions; one that calls it, or a tracepoint, may do.")
    }
    if errno == .illegalSequence, offset > 0 {
      return .noTarget(
        "no instruction begins at that offset", hint: "A disassembly of the function tells where they do.")
    }
    if found.count > 1, errno == .addressNotAvailable || errno == .noSuchFile {
      let addresses = found.map { "0x\(String($0.address, radix: 16))" }
      return .noTarget(
        "\(found.count) functions have that name",
        hint: found.contains { $0.address == 0 }
          ? "Their addresses, by which one can be chosen, are hidden (/proc/sys/kernel/kptr_restrict)."
          : "Name one by its address: \(addresses.joined(separator: ", ")).")
    }
    return nil
  }
}
