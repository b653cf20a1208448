import BPFLoader
import LinuxCalls
import Synchronization

/// A probe that is defined by a line of text in tracefs, where it stays until somebody removes it.
struct TracefsDefinition: Hashable, Sendable {
  let file: Tracefs.Definitions
  let group: String
  let name: String

  /// Numbers the probes of this process.
  private static let last = Atomic<UInt64>(0)

  /// - Parameter stem: what the probe is on, which its name will begin with.
  init(in file: Tracefs.Definitions, stem: String) {
    let number = Self.last.add(1, ordering: .relaxed).newValue
    // The kernel takes 64 bytes, and only what a C name is made of.
    let letters = stem.utf8.prefix(36).map { byte -> Character in
      let character = Character(Unicode.Scalar(byte))
      return character.isASCII && (character.isLetter || character.isNumber) ? character : "_"
    }
    self.init(file: file, group: ProbeGroup().name, name: "p_\(String(letters))_\(number)")
  }

  private init(file: Tracefs.Definitions, group: String, name: String) {
    (self.file, self.group, self.name) = (file, group, name)
  }

  /// - Parameters:
  ///   - kind: `p`, `r` or `r8`.
  ///   - place: what follows the name.
  func define(_ kind: String, _ place: String, in tracefs: Tracefs) throws(SystemCallError) {
    try tracefs.define("\(kind):\(group)/\(name) \(place)", in: file)
  }

  func remove(from tracefs: Tracefs) throws(SystemCallError) {
    try tracefs.define("-:\(group)/\(name)", in: file)
  }

  /// Removes what processes of ours defined and were killed before they could remove; others' probes stay.
  /// - Returns: each line that went.
  static func removeLeftOvers(in file: Tracefs.Definitions) -> [String] {
    guard let tracefs = Tracefs.found else { return [] }
    return tracefs.definitions(in: file).filter { line in
      // `r8:GROUP/NAME PLACE`
      guard let colon = line.firstIndex(of: ":") else { return false }
      let parts = line[line.index(after: colon)...].prefix { $0 != " " }.split(separator: "/", maxSplits: 1)
      guard parts.count == 2, let group = ProbeGroup(parts[0]), group.owner.isKnownToHaveEnded else { return false }
      let left = TracefsDefinition(file: file, group: String(parts[0]), name: String(parts[1]))
      return (try? left.remove(from: tracefs)) != nil
    }
  }
}

/// A program that runs on a probe in tracefs.
struct TracefsProbe: ~Copyable, Sendable {
  private let tracefs: Tracefs
  private let definition: TracefsDefinition
  /// `nil` once it has been taken back.
  private let attached: Mutex<AttachedEvent?>

  private final class AttachedEvent: Sendable {
    let attachment: Attachment
    init(_ attachment: consuming Attachment) { self.attachment = attachment }
  }

  /// Defines the probe and has the program run there.
  /// - Parameters:
  ///   - kind, place: as `TracefsDefinition.define` takes them.
  ///   - pid: the process, -1 for all.
  init(
    _ program: Program, _ definition: TracefsDefinition, kind: String, at place: String, pid: Int32 = -1,
    cookie: UInt64
  ) throws(RungFailure) {
    guard let tracefs = Tracefs.found else {
      throw RungFailure(
        SystemCallError(call: "open /sys/kernel/tracing/\(definition.file.rawValue)", errno: .noSuchFile))
    }
    try RungFailure.running { () throws(SystemCallError) in try definition.define(kind, place, in: tracefs) }
    do throws(RungFailure) {
      let event = try RungFailure.running { () throws(SystemCallError) in
        let number = try tracefs.number(ofEvent: definition.name, category: definition.group)
        return try PerfEvent(PerfEvent.Attributes(tracepoint: number), pid: pid, cpu: pid == -1 ? 0 : -1)
      }
      // A cookie takes a link, on whatever event.
      let attachment = try program.attach(
        to: event, cookie: cookie, cookie == 0 ? Rung(.perfEvent) : Rung(.link))
      attached = Mutex(AttachedEvent(attachment))
    } catch {
      try? definition.remove(from: tracefs)
      throw error
    }
    self.tracefs = tracefs
    self.definition = definition
  }

  /// Fails where another process has taken the probe in use.
  func end() throws(SystemCallError) {
    let isAttached = attached.withLock { event in
      defer { event = nil }
      return event != nil
    }
    // Only a probe that no event is open on can be removed.
    if isAttached { try definition.remove(from: tracefs) }
  }

  deinit { try? end() }
}
