public import BPFLoader
import BPFObjectFile
import BPFRelocation
public import LinuxCalls
import RouteNetlink

/// An XDP program on an interface. The attachment ends with the value.
///
/// As a bpf_link it ends with the process whatever ends that; an attachment over netlink stays when the process is
/// killed, and is recognised by ``XDPOccupant/isLeftOver`` afterwards.
public struct XDPLink: ~Copyable, Sendable {
  /// The interface's name when the program was attached, and its index.
  public let interface: String
  public let interfaceIndex: UInt32
  /// The way that was taken.
  public let rung: XDPRung
  /// The better ways that the kernel refused, best first.
  public let refusals: [XDPRefusal]
  /// Programs of the same name that a killed process had left behind, and that have been removed first.
  public let leftOversRemoved: [XDPOccupant]
  /// What keeps the program attached, and ends that when it goes: one of the two.
  private let link: BPFLinkAttachment?
  private let netlink: NetlinkAttachment?

  init(_ interface: NetworkInterface, _ rung: XDPRung, _ before: Before, _ link: consuming BPFLinkAttachment) {
    self.interface = interface.name
    interfaceIndex = interface.index
    self.rung = rung
    refusals = before.refusals
    leftOversRemoved = before.removed
    self.link = consume link
    netlink = nil
  }

  init(
    _ interface: NetworkInterface, _ rung: XDPRung, _ before: Before, _ attachment: consuming NetlinkAttachment
  ) {
    self.interface = interface.name
    interfaceIndex = interface.index
    self.rung = rung
    refusals = before.refusals
    leftOversRemoved = before.removed
    link = nil
    netlink = consume attachment
  }
}

extension XDPLink {
  /// Has an attachment over netlink taken back also when a signal ends the process that nobody handles, for as long as the
  /// value that this returns lives; a bpf_link needs no such thing.
  package borrowing func detachBeforeDeath() throws(SystemCallError) -> LastMessage? {
    switch netlink {
    case .some(let netlink):
      try netlink.socket.detachXDPBeforeDeath(
        netlink.program, from: netlink.interface, flags: netlink.mode.attachFlags)
    case .none: nil
    }
  }
}

/// What happened before the attaching that succeeded.
struct Before {
  let refusals: [XDPRefusal]
  let removed: [XDPOccupant]
}

struct BPFLinkAttachment: ~Copyable, Sendable {
  let link: FileDescriptor

  deinit {
    // Before 5.11 there is no detaching; closing the last descriptor does it too, only not at once.
    try? BPF.detach(link)
  }
}

struct NetlinkAttachment: ~Copyable, Sendable {
  let socket: RouteSocket
  let interface: NetworkInterface
  let program: FileDescriptor
  let mode: XDPMode

  deinit {
    // Fails only when the interface has gone or another program has taken our place: both are the end we want.
    try? socket.detachXDP(program, from: interface, flags: mode.attachFlags)
  }
}

/// A way of attaching that the kernel refused, and its answer.
public struct XDPRefusal: Hashable, Sendable {
  public let rung: XDPRung
  public let errno: Errno
  /// What the kernel says of it, where it says something (netlink's extended acknowledgement).
  public let kernelMessage: String?

  public var reason: String { "\(errno)" + (kernelMessage.map { ", \"\($0)\"" } ?? "") }
}

extension Program {
  /// Attaches the program to an interface of the calling thread's network namespace, on the best of `rungs` that the
  /// kernel allows. A program that is there already stays, and is an error; one that a killed process left behind over
  /// netlink is removed.
  public func attachXDP(to interface: String, rungs: [XDPRung] = XDPRung.all) throws(XDPAttachError) -> XDPLink {
    func fail(_ reason: XDPAttachError.Reason) -> XDPAttachError {
      XDPAttachError(program: name, interface: interface, reason: reason)
    }
    let target: NetworkInterface
    do {
      let socket = try RouteSocket()
      let interfaces = try socket.interfaces()
      guard let found = interfaces.first(where: { $0.name == interface }) else {
        throw fail(.noSuchInterface(known: interfaces.map(\.name)))
      }
      target = found
    } catch let error as NetlinkError {
      throw fail(.netlink(error))
    } catch let error as XDPAttachError {
      throw error
    } catch {
      fatalError("no other error is thrown here: \(error)")
    }
    guard target.isEthernet else { throw fail(.notEthernet(hardwareType: target.hardwareType)) }

    var removed: [XDPOccupant] = []
    if !target.xdp.programIDs.isEmpty {
      for occupant in XDPOccupant.occupants(of: target) where occupant.isLeftOver(of: name) {
        if (try? occupant.remove(from: target)) != nil { removed.append(occupant) }
      }
    }
    var refusals: [XDPRefusal] = []
    for rung in rungs {
      do throws(XDPRefusal.Failure) {
        return try attach(to: target, rung: rung, after: Before(refusals: refusals, removed: removed))
      } catch {
        refusals.append(XDPRefusal(rung: rung, errno: error.errno, kernelMessage: error.kernelMessage))
        if error.errno == .busy || error.errno == .exists {
          throw fail(.occupied(XDPOccupant.occupants(of: target), refusals))
        }
        // No other way will do what this process may not, or on an interface that has gone.
        if error.errno == .notPermitted || error.errno == .accessDenied || error.errno == .noSuchDevice { break }
      }
    }
    throw fail(.refused(refusals))
  }

  private func attach(
    to interface: NetworkInterface, rung: XDPRung, after before: Before
  ) throws(XDPRefusal.Failure) -> XDPLink {
    do {
      switch rung.way {
      case .link:
        let link = try BPF.createLink(
          program: descriptor, interface: interface.index, attachType: plan.expectedAttachType.rawValue,
          flags: rung.mode.attachFlags.rawValue)
        return XDPLink(interface, rung, before, BPFLinkAttachment(link: link))
      case .netlink:
        let socket = try RouteSocket()
        let own = try descriptor.duplicate()
        try socket.attachXDP(own, to: interface, flags: rung.mode.attachFlags.union(.onlyIfNone))
        let attachment = NetlinkAttachment(socket: socket, interface: interface, program: own, mode: rung.mode)
        return XDPLink(interface, rung, before, attachment)
      }
    } catch let error as SystemCallError {
      throw XDPRefusal.Failure(errno: error.errno, kernelMessage: nil)
    } catch let error as NetlinkError {
      throw XDPRefusal.Failure(errno: error.errno, kernelMessage: error.kernelMessage)
    } catch {
      fatalError("no other error is thrown here: \(error)")
    }
  }
}

extension XDPRefusal {
  fileprivate struct Failure: Error {
    let errno: Errno
    let kernelMessage: String?
  }
}

extension XDPMode {
  var attachFlags: XDPAttachFlags {
    switch self {
    case .generic: .generic
    case .native: .native
    }
  }
}
