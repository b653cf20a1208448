public import BPFLoader
import BPFObjectFile
import BPFRelocation
import LinuxCalls
package import RouteNetlink
import Synchronization

extension Program {
  /// Attaches the program to an interface of the calling thread's network namespace, on the best of `rungs` that the
  /// kernel allows. A program that is there already stays, and is an error; one that a killed process left behind over
  /// netlink is removed.
  public func attachXDP(to interface: String, rungs: [Rung] = Rung.xdp) throws(AttachError) -> Link {
    var place = AttachPlace(program: name, hook: .xdp, target: interface)
    let target = try place.interface()
    place.interfaceIndex = target.index
    guard target.isEthernet else {
      throw AttachError(place: place, reason: .notEthernet(hardwareType: target.hardwareType))
    }
    var removed: [String] = []
    if !target.xdp.programIDs.isEmpty {
      for occupant in XDPOccupant.occupants(of: target) where occupant.isLeftOver(of: name) {
        if (try? occupant.remove(from: target)) != nil { removed.append("\(occupant)") }
      }
    }
    return try place.climb(
      rungs, leftOversRemoved: removed,
      occupants: { XDPOccupant.occupants(of: target).map { "\($0)" } },
      { (rung) throws(RungFailure) in try attachXDP(to: target, rung) })
  }

  private func attachXDP(to interface: NetworkInterface, _ rung: Rung) throws(RungFailure) -> Attachment {
    let mode = rung.mode ?? .native
    guard rung.way == .netlink else {
      return try RungFailure.running { () throws(SystemCallError) in
        .link(
          try BPF.createLink(
            program: descriptor, attachType: plan.expectedAttachType.rawValue, flags: mode.attachFlags.rawValue,
            to: .number(interface.index)))
      }
    }
    do throws(NetlinkError) {
      let socket = try RouteSocket()
      try socket.attachXDP(descriptor, to: interface, flags: mode.attachFlags.union(.onlyIfNone))
      return .xdp(XDPAttachment(socket: socket, interface: interface, program: self, mode: mode))
    } catch { throw RungFailure(error) }
  }
}

extension AttachPlace {
  /// The interface that the target names.
  package func interface() throws(AttachError) -> NetworkInterface {
    let interfaces: [NetworkInterface]
    do throws(NetlinkError) { interfaces = try RouteSocket().interfaces() } catch {
      throw AttachError(place: self, reason: .failed(error.attempt, error.errno))
    }
    guard let found = interfaces.first(where: { $0.name == target }) else {
      throw AttachError(place: self, reason: .noSuchInterface(known: interfaces.map(\.name)))
    }
    return found
  }
}

/// A program that was attached over netlink.
struct XDPAttachment: ~Copyable, Sendable {
  private let socket: RouteSocket
  private let interface: NetworkInterface
  private let mode: XDPMode
  /// `nil` once it has been taken back.
  private let program: Mutex<Program?>

  init(socket: consuming RouteSocket, interface: NetworkInterface, program: Program, mode: XDPMode) {
    self.socket = socket
    self.interface = interface
    self.mode = mode
    self.program = Mutex(program)
  }

  /// Another program takes the place, provided that ours, or the one that is expected, is there (5.7).
  func update(to new: Program, replacing old: Program?) throws(SystemCallError) {
    try program.withLock { (program) throws(SystemCallError) in
      guard let attached = old ?? program else { throw SystemCallError(call: "replace XDP", errno: .noSuchFile) }
      do throws(NetlinkError) {
        try socket.replaceXDP(attached.descriptor, by: new.descriptor, on: interface, flags: mode.attachFlags)
        program = new
      } catch { throw SystemCallError(call: error.attempt, errno: error.errno) }
    }
  }

  /// Fails where the interface has gone or another program has taken our place.
  func end() throws(SystemCallError) {
    try program.withLock { (program) throws(SystemCallError) in
      guard let attached = program else { return }
      program = nil
      do throws(NetlinkError) {
        try socket.detachXDP(attached.descriptor, from: interface, flags: mode.attachFlags)
      } catch { throw SystemCallError(call: error.attempt, errno: error.errno) }
    }
  }

  func detachBeforeDeath() throws(SystemCallError) -> LastMessage? {
    try program.withLock { (program) throws(SystemCallError) in
      guard let program else { return nil }
      return try socket.detachXDPBeforeDeath(program.descriptor, from: interface, flags: mode.attachFlags)
    }
  }

  // Both causes of failure are the end we want.
  deinit { try? end() }
}

extension XDPMode {
  var attachFlags: XDPAttachFlags {
    switch self {
    case .generic: .generic
    case .native: .native
    case .offload: .offload
    }
  }
}
