public import BPFLoader
import Glibc
import LinuxCalls

extension Program {
  /// Attaches the program to a place in an executable or library, where it gets the registers (`struct pt_regs`) of
  /// whoever comes by.
  /// - Parameters:
  ///   - file: a path as this process sees it (what a container has lies below /proc/PID/root), or a name: `libc`,
  ///     `libssl.so.3`, `bash`.
  ///   - isReturn: when the function returns instead of when it is called; only at a function's start.
  ///   - pid: the only process whose calls count; `nil` for all, also those that start later.
  ///   - referenceCounter: the offset in the file of a counter of two bytes, which the kernel raises in each process while
  ///     the program is attached (4.20).
  ///   - cookie: what `bpf_get_attach_cookie` tells the program (5.15).
  public func attachUprobe(
    _ location: UserLocation, in file: String, isReturn: Bool = false, pid: Int32? = nil,
    referenceCounter: UInt64? = nil, cookie: UInt64 = 0, rungs: [Rung] = Rung.uprobe
  ) throws(AttachError) -> Link {
    var place = AttachPlace(program: name, hook: .uprobe, target: "\(file):\(location)")
    let removed = TracefsDefinition.removeLeftOvers(in: .uprobes)
    if isReturn, case .symbol(_, let offset) = location, offset > 0 { throw place.returnInTheMiddle }
    let file = try place.userFile(file)
    place = AttachPlace(program: name, hook: .uprobe, target: "\(file.path):\(location)")
    let offset = try location.fileOffset(in: file, place)
    return try place.climb(rungs, leftOversRemoved: removed) { (rung) throws(RungFailure) in
      try attachUprobe(
        location, at: offset, in: file, isReturn: isReturn, pid: pid, referenceCounter: referenceCounter,
        cookie: cookie, rung)
    }
  }

  /// - Parameter offset: where the location is in the file.
  func attachUprobe(
    _ location: UserLocation, at offset: UInt64, in file: UserFile, isReturn: Bool, pid: Int32?,
    referenceCounter: UInt64?, cookie: UInt64, _ rung: Rung
  ) throws(RungFailure) -> Attachment {
    switch rung.way {
    case .tracefs:
      return .tracefs(
        try file.tracefsProbe(
          self, location, offset: offset, isReturn: isReturn, pid: pid ?? -1, referenceCounter: referenceCounter,
          cookie: cookie))
    default:
      let event = try RungFailure.running { () throws(SystemCallError) in
        var attributes = try PerfEvent.Attributes(probeUnit: "uprobe", isReturn: isReturn)
        attributes.config2 = offset
        if let referenceCounter { try attributes.set("ref_ctr_offset", of: "uprobe", to: referenceCounter) }
        return try PerfEvent(attributes, text: file.path, pid: pid ?? -1, cpu: pid == nil ? 0 : -1)
      }
      return try attach(to: event, cookie: cookie, rung)
    }
  }
}

extension Rung {
  /// A perf event of the PMU `uprobe` with a link (5.15) or an ioctl (4.17), or on a probe in tracefs.
  public static let uprobe = kprobe
}

extension UserFile {
  fileprivate func tracefsProbe(
    _ program: Program, _ location: UserLocation, offset: UInt64, isReturn: Bool, pid: Int32,
    referenceCounter: UInt64?, cookie: UInt64
  ) throws(RungFailure) -> TracefsProbe {
    let stem = if case .symbol(let name, _) = location { name } else { "offset" }
    let definition = TracefsDefinition(in: .uprobes, stem: stem)
    let counter = referenceCounter.map { "(0x\(String($0, radix: 16)))" } ?? ""
    func probe(_ path: String) throws(RungFailure) -> TracefsProbe {
      try TracefsProbe(
        program, definition, kind: isReturn ? "r" : "p", at: "\(path):0x\(String(offset, radix: 16))\(counter)",
        pid: pid, cookie: cookie)
    }
    guard path.contains(where: \.isWhitespace) else { return try probe(path) }
    // The kernel cuts the line at white space and knows no quotes; a descriptor's name in /proc has none.
    let file = try RungFailure.running { () throws(SystemCallError) in
      try FileDescriptor(opening: path, flags: O_RDONLY)
    }
    return try probe("/proc/self/fd/\(file.number)")
  }
}
