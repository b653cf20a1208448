public import BPFLoader
import BPFObjectFile
import BPFRelocation
import ELFReading
import Glibc
import LinuxCalls

extension Program {
  /// Attaches a `usdt` program to a probe that the author of an executable or library has put there: to all places that
  /// have it, of which an optimizing compiler may have made many.
  ///
  /// A program that gets at arguments with libbpf's <bpf/usdt.bpf.h> brings the maps `__bpf_usdt_specs` and
  /// `__bpf_usdt_ip_to_spec_id`, which are filled with where they are.
  /// - Parameters:
  ///   - file: a path, or a name: `libc`, `libssl.so.3`, `bash`.
  ///   - pid: the only process that counts; `nil` for all, also those that start later. Before 5.15, libraries and
  ///     position-independent executables take one, for a program that gets at arguments.
  ///   - cookie: what `bpf_usdt_cookie` tells the program.
  public func attachUSDT(
    provider: String, _ name: String, in file: String, pid: Int32? = nil, cookie: UInt64 = 0,
    rungs: [Rung] = Rung.usdt
  ) throws(AttachError) -> Link {
    let place = AttachPlace(program: self.name, hook: .usdt, target: "\(file):\(provider):\(name)")
    guard plan.type == .kprobe else { throw AttachError(place: place, reason: .wrongProgram("it is no usdt program")) }
    let file = try place.userFile(file)
    let removed = TracefsDefinition.removeLeftOvers(in: .uprobes)
    let (tables, all) = try file.probes(place)
    let probes = all.filter { $0.provider == provider && $0.name == name }
    guard !probes.isEmpty else { throw AttachError(place: place, reason: .noProbe(provider, name, among: all)) }
    var targets: [USDTTarget] = []
    for probe in probes { targets.append(try place.target(probe, in: tables)) }
    var loaded: [UInt64] = []
    let needsAddresses = USDTSpecifications.areWanted(by: self) && !plan.knowsAttachCookie
    if needsAddresses { loaded = try place.addresses(of: targets, in: file, tables, pid: pid) }
    return try place.climb(rungs, leftOversRemoved: removed) { (rung) throws(RungFailure) in
      let specifications = try RungFailure.running { () throws(SystemCallError) in
        try USDTSpecifications(for: self, targets, cookie: cookie, addresses: loaded)
      }
      let parts =
        plan.expectedAttachType == .traceUprobeMulti
        ? [try attach(targets, in: file, pid: pid, cookies: specifications.cookies, rung)]
        : try attachEach(of: targets, in: file, pid: pid, cookies: specifications.cookies, rung)
      return .usdt(USDTAttachment(parts: parts, specifications: specifications))
    }
  }

  /// All places by one link.
  private func attach(
    _ targets: [USDTTarget], in file: UserFile, pid: Int32?, cookies: [UInt64], _ rung: Rung
  ) throws(RungFailure) -> Attachment.Part {
    try RungFailure.running { () throws(SystemCallError) in
      guard rung.way == .link else {
        throw SystemCallError(call: "attach to one place a program for many by \(rung)", errno: .notSupported)
      }
      return Attachment.Part(
        .link(
          try BPF.createLink(
            program: descriptor, attachType: plan.expectedAttachType.rawValue,
            to: .userFunctions(
              path: file.path, offsets: targets.map(\.fileOffset), references: targets.map { $0.semaphoreOffset ?? 0 },
              cookies: cookies, pid: UInt32(bitPattern: pid ?? 0), flags: 0))))
    }
  }

  private func attachEach(
    of targets: [USDTTarget], in file: UserFile, pid: Int32?, cookies: [UInt64], _ rung: Rung
  ) throws(RungFailure) -> [Attachment.Part] {
    var parts: [Attachment.Part] = []
    for (target, cookie) in zip(targets, cookies) {
      parts.append(
        Attachment.Part(
          try attachUprobe(
            .fileOffset(target.fileOffset), at: target.fileOffset, in: file, isReturn: false, pid: pid,
            referenceCounter: target.semaphoreOffset, cookie: cookie, rung)))
    }
    return parts
  }
}

extension Rung {
  /// All places by one link of many uprobes, where the program was loaded so (6.6); or a uprobe for each.
  public static let usdt = uprobe
}

/// One place of a probe.
struct USDTTarget: Hashable, Sendable {
  let fileOffset: UInt64
  /// Where the program headers load it to.
  let address: UInt64
  let semaphoreOffset: UInt64?
  let arguments: [USDTArgument]
}

extension AttachPlace {
  fileprivate func target(_ probe: USDTProbe, in tables: ELFTables) throws(AttachError) -> USDTTarget {
    guard let offset = probe.fileOffset else {
      throw AttachError(
        place: self,
        reason: .noTarget("its address, 0x\(String(probe.address, radix: 16)), is not loaded from the file", hint: nil))
    }
    guard let machine = USDTMachine(elfMachine: tables.machine), tables.is64Bit else {
      throw AttachError(
        place: self,
        reason: .noTarget("the file is for machine \(tables.machine), whose arguments cannot be read here", hint: nil))
    }
    do throws(USDTArgumentError) {
      let arguments = try USDTArgument.arguments(probe.arguments, machine: machine)
      return USDTTarget(
        fileOffset: offset, address: probe.address, semaphoreOffset: probe.semaphoreOffset, arguments: arguments)
    } catch {
      throw AttachError(
        place: self,
        reason: .noTarget(
          "\(error)",
          hint: "The compiler put it there; a uprobe at offset 0x\(String(offset, radix: 16)) sees the registers."))
    }
  }

  /// Where each place is in the memory of whoever runs it, which is all that kernels without cookies tell a program.
  fileprivate func addresses(
    of targets: [USDTTarget], in file: UserFile, _ tables: ELFTables, pid: Int32?
  ) throws(AttachError) -> [UInt64] {
    let movable: UInt16 = 3  // ET_DYN
    guard tables.type == movable else { return targets.map(\.address) }
    guard let pid else {
      throw AttachError(
        place: self,
        reason: .noTarget(
          "the kernel has no cookies for probes, and the file is loaded anywhere", hint: "Name one process (pid)."))
    }
    var addresses: [UInt64] = []
    let areas = MemoryArea.executable(ofProcess: pid, file: file.path)
    for target in targets {
      guard let area = areas.first(where: { $0.fileRange.contains(target.fileOffset) }) else {
        throw AttachError(
          place: self,
          reason: .noTarget("process \(pid) has not loaded the file", hint: "/proc/\(pid)/maps tells what."))
      }
      addresses.append(area.address + (target.fileOffset - area.fileRange.lowerBound))
    }
    return addresses
  }
}

extension AttachError.Reason {
  fileprivate static func noProbe(_ provider: String, _ name: String, among probes: [USDTProbe]) -> Self {
    let known = Set(probes.map { "\($0.provider):\($0.name)" }).sorted()
    return .noTarget(
      known.isEmpty ? "the file has no probes" : "the file has no such probe",
      hint: known.isEmpty
        ? "They have to be compiled in (<sys/sdt.h>), and stay when the file is stripped; 'readelf -n' lists them."
        : NearNames.question(NearNames.of("\(provider):\(name)", in: known))
          ?? "It has \(known.prefix(8).joined(separator: ", ")).\(known.count > 8 ? " And more." : "")")
  }
}

/// A part of a file that is mapped into a process.
private struct MemoryArea {
  let address: UInt64
  let fileRange: Range<UInt64>

  /// `7f00-8000 r-xp 00001000 fe:00 123   /usr/lib/libc.so.6`
  static func executable(ofProcess pid: Int32, file: String) -> [MemoryArea] {
    let file = resolved(file)
    let text = (try? contents(ofFile: "/proc/\(pid)/maps")) ?? []
    return String(decoding: text, as: UTF8.self).split(separator: "\n").compactMap { line in
      let fields = line.split(separator: " ", maxSplits: 5)
      guard fields.count == 6, fields[1].contains("x"), fields[5].drop(while: { $0 == " " }) == file else { return nil }
      let bounds = fields[0].split(separator: "-").compactMap { UInt64($0, radix: 16) }
      guard bounds.count == 2, bounds[0] <= bounds[1], let offset = UInt64(fields[2], radix: 16),
        case (let end, false) = offset.addingReportingOverflow(bounds[1] - bounds[0])
      else { return nil }
      return MemoryArea(address: bounds[0], fileRange: offset..<end)
    }
  }
}

/// A path as /proc shows it: without symbolic links.
private func resolved(_ path: String) -> String {
  guard let name = unsafe realpath(path, nil) else { return path }
  defer { unsafe free(name) }
  return unsafe String(cString: name)
}

/// What keeps a program at a probe's places, and the elements of its maps that tell of them.
struct USDTAttachment: ~Copyable, Sendable {
  let parts: [Attachment.Part]
  let specifications: USDTSpecifications

  /// A pinned link goes on reading its elements.
  func pin(at path: String) throws(SystemCallError) {
    guard parts.count == 1 else {
      throw SystemCallError(call: "bpf(BPF_OBJ_PIN) of \(parts.count) links", errno: .notSupported)
    }
    try parts[0].pin(at: path)
    specifications.keep()
  }

  consuming func end() throws(SystemCallError) { for part in parts { try part.end() } }

  // The elements are free only when nothing reads them any more.
  deinit {
    for part in parts { try? part.end() }
    specifications.free()
  }
}
