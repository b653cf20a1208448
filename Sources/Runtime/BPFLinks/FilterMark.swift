import LinuxCalls
import RouteNetlink

/// What a filter of ours is called, so that another process knows it as ours, and whether its maker lives.
///
///     merops:NAME:PID:START:NAMESPACE[:qdisc]
struct FilterMark: Hashable, Sendable {
  let program: String
  let owner: ProcessIdentity
  /// Whether one of us made the qdisc, so that the last of us removes it.
  let madeQdisc: Bool

  private static let prefix = "merops"
  private static let qdisc = "qdisc"

  /// A filter of this process.
  init(program: String, madeQdisc: Bool) {
    self.program = program
    owner = .current
    self.madeQdisc = madeQdisc
  }

  /// `nil` for the name of somebody else's filter.
  init?(_ text: String) {
    let fields = text.split(separator: ":", omittingEmptySubsequences: false)
    guard fields.count == 5 || fields.count == 6 && fields[5] == Self.qdisc, fields[0] == Self.prefix,
      let pid = Int32(fields[2]), pid > 0, let start = UInt64(fields[3]), let namespace = UInt64(fields[4])
    else { return nil }
    program = String(fields[1])
    owner = ProcessIdentity(pid: pid, start: start, namespace: namespace)
    madeQdisc = fields.count == 6
  }

  var text: String {
    let fields = [Self.prefix, program, "\(owner.pid)", "\(owner.start)", "\(owner.namespace)"]
    return (fields + (madeQdisc ? [Self.qdisc] : [])).joined(separator: ":")
  }
}

/// A filter of ours whose process has ended without taking it back.
struct LeftOverFilter: Hashable, Sendable, CustomStringConvertible {
  let filter: ClassifierFilter
  let mark: FilterMark

  var description: String {
    "\(filter.hook) filter \"\(mark.program)\" at priority \(filter.priority), of process \(mark.owner.pid), which has ended"
  }

  /// Removes all from an interface, and the qdisc that one of them made where nothing else is on it. What cannot be
  /// removed stays, and is not told.
  static func remove(from interface: NetworkInterface) -> [LeftOverFilter] {
    guard let socket = try? RouteSocket() else { return [] }
    let found = ClassifierHook.allCases.flatMap { hook in
      ((try? socket.filters(on: interface, hook)) ?? []).compactMap { filter in
        FilterMark(filter.name).flatMap { $0.owner.isKnownToHaveEnded ? LeftOverFilter(filter: filter, mark: $0) : nil }
      }
    }
    let haveQdisc = found.contains { $0.mark.madeQdisc }
    // At once where nothing else is there, so that no kill leaves the qdisc behind.
    if haveQdisc, (try? ClassifierAttachment.deleteQdisc(ofAtMost: found.count, socket, interface)) == true {
      return found
    }
    let removed = found.filter { (try? socket.delete($0.filter, from: interface)) != nil }
    if haveQdisc { try? ClassifierAttachment.deleteQdiscIfEmpty(socket, interface) }
    return removed
  }
}
