public import BPFLoader
import BPFObjectFile
import BPFRelocation
import LinuxCalls
import RouteNetlink

/// Which packets of an interface a classifier runs for.
public enum ClassifierDirection: String, Hashable, Sendable, CaseIterable {
  /// Received ones, before the network stack has them.
  case ingress
  /// Sent ones, before the queue.
  case egress

  /// `BPF_TCX_INGRESS`, `BPF_TCX_EGRESS`
  var attachType: UInt32 { self == .ingress ? AttachType.tcxIngress.rawValue : AttachType.tcxEgress.rawValue }
  var hook: ClassifierHook { self == .ingress ? .ingress : .egress }

  /// What a section such as `tcx/egress` says.
  init?(_ type: AttachType) {
    switch type {
    case .tcxIngress: self = .ingress
    case .tcxEgress: self = .egress
    default: return nil
    }
  }
}

/// Where a filter stands among others on a clsact qdisc, for the rung that makes one.
public struct FilterPlace: Hashable, Sendable {
  /// Filters run by rising priority. 0 is a new one of the kernel's choice, in front of those that it chose before.
  public var priority: UInt16
  /// Among the filters of a priority; 0 is the kernel's choice.
  public var handle: UInt32

  public init(priority: UInt16 = 0, handle: UInt32 = 0) {
    self.priority = priority
    self.handle = handle
  }
}

extension Program {
  /// Attaches the program to an interface of the calling thread's network namespace as a classifier (tc), in direct-action
  /// mode: what it returns decides what becomes of the packet. Others that are there stay.
  ///
  /// What killed processes of ours left on the interface over netlink, is removed.
  /// - Parameters:
  ///   - direction: for a program whose section does not say (`tc`, `classifier`).
  ///   - position: among the tcx links; the netlink rung has priorities instead.
  ///   - filter: for the netlink rung.
  public func attachClassifier(
    to interface: String, _ direction: ClassifierDirection? = nil, position: AttachPosition = .last,
    filter: FilterPlace = FilterPlace(), rungs: [Rung] = Rung.classifier
  ) throws(AttachError) -> Link {
    var place = AttachPlace(program: name, hook: .classifier, target: interface)
    guard let direction = direction ?? ClassifierDirection(plan.expectedAttachType) else {
      throw AttachError(
        place: place,
        reason: .wrongProgram("neither the section \(plan.sectionName) nor an option says ingress or egress"))
    }
    let target = try place.interface()
    place.interfaceIndex = target.index
    let removed = LeftOverFilter.remove(from: target)
    return try place.climb(
      rungs, leftOversRemoved: removed.map(\.description),
      occupants: { ((try? Classifiers.attached(to: target, direction)) ?? []).map { "\($0)" } },
      { (rung) throws(RungFailure) in
        guard rung.way == .netlink else { return try link(direction.attachType, at: target.index, position) }
        guard position == .last else {
          throw RungFailure(SystemCallError(call: "add a filter beside another", errno: .notSupported))
        }
        do throws(NetlinkError) {
          return .classifier(try ClassifierAttachment(self, to: target, direction.hook, filter))
        } catch { throw RungFailure(error) }
      })
  }
}

extension Rung {
  /// A tcx link (6.6), or a filter on a clsact qdisc.
  public static let classifier = [Rung(.link), Rung(.netlink)]
}

/// What runs as classifier on interfaces.
public enum Classifiers {
  /// The programs that run for an interface's packets, in their order: those of tcx, then those of filters.
  public static func attached(
    to interface: String, _ direction: ClassifierDirection
  ) throws(AttachError) -> [AttachedProgram] {
    let place = AttachPlace(program: "", hook: .classifier, target: interface)
    let target = try place.interface()
    do throws(NetlinkError) { return try attached(to: target, direction) } catch {
      throw AttachError(place: place, reason: .failed(error.attempt, error.errno))
    }
  }

  static func attached(
    to interface: NetworkInterface, _ direction: ClassifierDirection
  ) throws(NetlinkError) -> [AttachedProgram] {
    // Kernels before 6.6 have nothing to tell.
    let links = (try? AttachedProgram.at(interface.index, attachType: direction.attachType)) ?? []
    return links
      + (try RouteSocket().filters(on: interface, direction.hook)).compactMap { filter in
        filter.programID.map { AttachedProgram(id: $0, priority: filter.priority, handle: filter.handle) }
      }
  }
}
