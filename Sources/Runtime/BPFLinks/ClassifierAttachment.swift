import BPFLoader
import LinuxCalls
import RouteNetlink
import Synchronization

/// A filter on a clsact qdisc. It would stay when the process ends.
struct ClassifierAttachment: ~Copyable, Sendable {
  private let socket: RouteSocket
  private let interface: NetworkInterface
  private let filter: ClassifierFilter
  private let mark: FilterMark
  /// The program's number; `nil` once it has been taken back.
  private let program: Mutex<UInt32?>

  init(
    _ program: Program, to interface: NetworkInterface, _ hook: ClassifierHook, _ place: FilterPlace
  ) throws(NetlinkError) {
    let socket = try RouteSocket()
    var attempts = 0
    while true {
      let hasQdisc = try Self.findQdisc(socket, interface, hook)
      let others = hasQdisc ? try Self.marks(socket, interface) : []
      // Made now, or by another one of us that is still there.
      let isOurs = !hasQdisc || others.contains { $0.madeQdisc }
      let mark = FilterMark(program: program.name, madeQdisc: isOurs)
      do throws(NetlinkError) {
        filter = try socket.addFilter(
          program.descriptor, name: mark.text, to: interface, hook, priority: place.priority, handle: place.handle,
          makingClsact: !hasQdisc)
        self.mark = mark
        break
      } catch {
        if !hasQdisc, error.errno != .exists { try? Self.deleteQdiscIfEmpty(socket, interface) }
        // Another process may have made one in between, or one of ours may have ended, and taken its own along.
        attempts += 1
        guard attempts < 3, try (socket.ingressQdisc(of: interface) != nil) != hasQdisc else { throw error }
      }
    }
    self.socket = socket
    self.interface = interface
    self.program = Mutex(filter.programID)
  }

  /// - Returns: whether there is one that takes such a filter.
  private static func findQdisc(
    _ socket: borrowing RouteSocket, _ interface: NetworkInterface, _ hook: ClassifierHook
  ) throws(NetlinkError) -> Bool {
    switch try socket.ingressQdisc(of: interface) {
    case nil: return false
    // An ingress qdisc takes filters of sent packets too, and runs them for received ones.
    case "ingress" where hook == .egress:
      throw NetlinkError(
        attempt: "add an egress filter to \(interface.name)", errno: .notSupported,
        kernelMessage: "an ingress qdisc is there, which stands in the place of clsact")
    default: return true
    }
  }

  private static func marks(
    _ socket: borrowing RouteSocket, _ interface: NetworkInterface
  ) throws(NetlinkError) -> [FilterMark] {
    var marks: [FilterMark] = []
    for hook in ClassifierHook.allCases {
      marks += try socket.filters(on: interface, hook).compactMap { FilterMark($0.name) }
    }
    return marks
  }

  /// The kernel knows no such condition: a filter that somebody adds between the look and the removal goes with it.
  static func deleteQdiscIfEmpty(
    _ socket: borrowing RouteSocket, _ interface: NetworkInterface
  ) throws(NetlinkError) {
    _ = try deleteQdisc(ofAtMost: 0, socket, interface)
  }

  /// - Returns: whether there was one that had no more filters than that, and it has gone.
  static func deleteQdisc(
    ofAtMost filterCount: Int, _ socket: borrowing RouteSocket, _ interface: NetworkInterface
  ) throws(NetlinkError) -> Bool {
    guard try socket.ingressQdisc(of: interface) == "clsact" else { return false }
    var count = 0
    for hook in ClassifierHook.allCases { count += try socket.filterCount(on: interface, hook) }
    guard count <= filterCount else { return false }
    try socket.deleteClsact(from: interface)
    return true
  }

  /// Whether the program in our filter's place is ours.
  private func check(_ expected: UInt32?) throws(NetlinkError) {
    let there = try socket.filters(on: interface, filter.hook)
      .first { $0.priority == filter.priority && $0.handle == filter.handle }
    guard let there, there.programID == expected else {
      throw NetlinkError(attempt: "find our filter on \(interface.name)", errno: .noSuchFile)
    }
  }

  func update(to new: Program, replacing old: Program?) throws(SystemCallError) {
    try program.withLock { (program) throws(SystemCallError) in
      guard program != nil else { throw SystemCallError(call: "replace the filter", errno: .noSuchFile) }
      do throws(NetlinkError) {
        try check(old.map { try? $0.id() } ?? program)
        try socket.replace(filter, by: new.descriptor, name: mark.text, on: interface)
      } catch { throw SystemCallError(call: error.attempt, errno: error.errno) }
      program = try? new.id()
    }
  }

  /// Fails where the interface has gone or another program has taken our place.
  func end() throws(SystemCallError) {
    try program.withLock { (program) throws(SystemCallError) in
      guard let attached = program else { return }
      program = nil
      do throws(NetlinkError) {
        try check(attached)
        // At once where ours is the last, so that no kill leaves the qdisc behind.
        if mark.madeQdisc, try Self.deleteQdisc(ofAtMost: 1, socket, interface) { return }
        try socket.delete(filter, from: interface)
        if mark.madeQdisc { try Self.deleteQdiscIfEmpty(socket, interface) }
      } catch { throw SystemCallError(call: error.attempt, errno: error.errno) }
    }
  }

  /// The qdisc stays then: nobody would look whether it is empty.
  func detachBeforeDeath() throws(SystemCallError) -> LastMessage {
    try socket.deleteBeforeDeath(filter, from: interface)
  }

  // Both causes of failure are the end we want.
  deinit { try? end() }
}
