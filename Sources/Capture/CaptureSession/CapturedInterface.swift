internal import BPFLinks
internal import CaptureEvents
internal import CaptureProgram
internal import LinuxCalls
package import RouteNetlink

/// An interface that is captured on.
final class CapturedInterface {
  let name: String
  let index: UInt32
  let alias: String?
  let linkType: LinkType
  /// Whether it is looked after what becomes of it.
  let isWatched: Bool
  var isUp = true
  var isGone = false
  private var links: [AttachedLink] = []

  init(_ interface: NetworkInterface, isWatched: Bool) {
    (name, index, alias) = (interface.name, interface.index, interface.alias)
    linkType = interface.isEthernet ? .ethernet : .raw
    self.isWatched = isWatched
  }

  /// One whose packets come without a link header.
  init(name: String, index: UInt32 = 0) {
    (self.name, self.index, alias, linkType, isWatched) = (name, index, nil, .raw, false)
  }

  func add(_ link: consuming Link) { links.append(AttachedLink(link)) }
  func detach() { links.removeAll() }
}

/// A link in a place where arrays can hold it.
private final class AttachedLink {
  private let link: Link
  /// Takes back what would outlive a crash. Without it, the next capture finds and removes that.
  private let lastMessage: LastMessage?

  init(_ link: consuming Link) {
    lastMessage = try? link.detachBeforeDeath()
    self.link = link
  }
}

extension NetworkInterface {
  /// Whether its packets begin with the header of IP: tunnels, PPP, WireGuard. `ARPHRD_*`, include/uapi/linux/if_arp.h.
  package var beginsWithIP: Bool { [512, 519, 768, 769, 776, 778, 823, 0xfffe].contains(hardwareType) }
}

/// How an interface's packets of one direction are taken.
struct CaptureLadder: Sendable {
  let programs: CapturePrograms
  let xdpRungs: [Rung]
  let classifierRungs: [Rung]

  /// Attaches in the calling thread's network namespace.
  func attach(to interface: NetworkInterface, _ direction: CaptureRecord.Direction) throws -> Link {
    guard direction == .incoming, !xdpRungs.isEmpty, interface.isEthernet || classifierRungs.isEmpty else {
      return try attachClassifier(to: interface, direction)
    }
    do { return try programs.program(programs.names.xdp).attachXDP(to: interface.name, rungs: xdpRungs) } catch {
      // Where another program is, whoever captures should know and decide.
      guard !classifierRungs.isEmpty, let error = error as? AttachError, case .refused(let refusals) = error.reason
      else { throw error }
      return try attachClassifier(to: interface, direction).after(refusals)
    }
  }

  private func attachClassifier(to interface: NetworkInterface, _ direction: CaptureRecord.Direction) throws -> Link {
    guard interface.isEthernet || interface.beginsWithIP else {
      throw AttachError(
        place: AttachPlace(program: "", hook: .classifier, target: interface.name),
        reason: .notEthernet(hardwareType: interface.hardwareType))
    }
    let name = programs.names.classifier(isOutgoing: direction == .outgoing, isEthernet: interface.isEthernet)
    return try programs.program(name).attachClassifier(
      to: interface.name, direction == .outgoing ? .egress : .ingress, rungs: classifierRungs)
  }
}

extension CapturePrograms {
  /// Attaches to the function that receives TCP's segments: by a call from its beginning where the kernel allows that
  /// (fentry), else by a kprobe.
  func attachToTCP(isIPv6: Bool) throws -> Link {
    var refusals: [Refusal] = []
    do { return try program(CaptureProgram.tcpReceive(isIPv6: isIPv6, isProbe: false)).attachTracing() } catch {
      if let error = error as? AttachError, case .refused(let some) = error.reason { refusals = some }
    }
    return try program(CaptureProgram.tcpReceive(isIPv6: isIPv6, isProbe: true))
      .attachKprobe(.function(CaptureProgram.tcpReceiveFunction(isIPv6: isIPv6))).after(refusals)
  }
}
