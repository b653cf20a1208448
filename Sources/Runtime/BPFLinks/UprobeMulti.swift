public import BPFLoader
import BPFObjectFile
import BPFRelocation
import ELFReading
import LinuxCalls

/// Many places in one executable or library.
public enum UserFunctions: Hashable, Sendable {
  case named([String])
  /// Those whose names, without versions, a pattern with `*` and `?` fits.
  case matching(String)
  /// In bytes from the start of the file.
  case fileOffsets([UInt64])
}

extension Program {
  /// Attaches a program of a section `uprobe.multi`, `uretprobe.multi` (6.6) or `uprobe.session` (6.13) to many places by
  /// one link.
  /// - Parameters:
  ///   - file: a path, or a name: `libc`, `libssl.so.3`, `bash`.
  ///   - isReturn: when the functions return instead of when they are called. In a session the program runs at both.
  ///   - pid: the only process whose calls count; `nil` for all.
  ///   - referenceCounters: for each place the offset in the file of a counter that the kernel raises, 0 for none; or empty.
  ///   - cookies: what `bpf_get_attach_cookie` tells the program: none, one for all, or one for each.
  public func attachUprobeMulti(
    _ functions: UserFunctions, in file: String, isReturn: Bool = false, pid: Int32? = nil,
    referenceCounters: [UInt64] = [], cookies: [UInt64] = []
  ) throws(AttachError) -> Link {
    var place = AttachPlace(program: name, hook: .uprobe, target: "\(file):\(functions)")
    let type = plan.expectedAttachType
    guard type == .traceUprobeMulti || type == .traceUprobeSession else {
      throw AttachError(
        place: place, reason: .wrongProgram("it was not loaded for many uprobes, but as \(plan.sectionName)"))
    }
    let file = try place.userFile(file)
    place = AttachPlace(program: name, hook: .uprobe, target: "\(file.path):\(functions)")
    let offsets = try functions.fileOffsets(in: file, place)
    let cookies = try place.cookies(cookies, count: offsets.count)
    guard referenceCounters.isEmpty || referenceCounters.count == offsets.count else {
      throw AttachError(
        place: place,
        reason: .noTarget(
          "there are \(referenceCounters.count) reference counters for \(offsets.count) places", hint: nil))
    }
    return try place.climb(Rung.uprobeMulti) { (rung) throws(RungFailure) in
      try RungFailure.running { () throws(SystemCallError) in
        .link(
          try BPF.createLink(
            program: descriptor, attachType: type.rawValue,
            to: .userFunctions(
              path: file.path, offsets: offsets, references: referenceCounters, cookies: cookies,
              pid: UInt32(bitPattern: pid ?? 0), flags: isReturn ? 1 : 0)))
      }
    }
  }
}

extension Rung {
  public static let uprobeMulti = [Rung(.link)]
}

extension UserFunctions: CustomStringConvertible {
  public var description: String {
    switch self {
    case .named(let names): names.count > 3 ? "\(names[0]) and \(names.count - 1) more" : names.joined(separator: ", ")
    case .matching(let pattern): pattern
    case .fileOffsets(let offsets): "\(offsets.count) offsets"
    }
  }
}

extension UserFunctions {
  fileprivate func fileOffsets(in file: UserFile, _ place: AttachPlace) throws(AttachError) -> [UInt64] {
    var offsets: [UInt64] = []
    switch self {
    case .fileOffsets(let given): offsets = given
    case .named(let names):
      let symbols = try file.symbols(place)
      for name in names {
        offsets.append(try UserLocation.symbol(name).fileOffset(in: symbols, place))
      }
    case .matching(let pattern):
      let glob = Glob(pattern)
      offsets = try file.symbols(place).functions { glob.matches($0) }.map(\.fileOffset)
    }
    guard !offsets.isEmpty else {
      throw AttachError(place: place, reason: .noTarget("the file has no such function", hint: nil))
    }
    return offsets
  }
}
