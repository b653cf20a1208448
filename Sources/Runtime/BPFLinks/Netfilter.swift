public import BPFLoader
import BPFObjectFile
import BPFRelocation
import LinuxCalls

/// Where on a packet's way through netfilter a program runs.
public struct NetfilterHook: Hashable, Sendable {
  /// `NFPROTO_*`, include/uapi/linux/netfilter.h.
  public enum Family: UInt32, Hashable, Sendable {
    case ipv4 = 2
    case ipv6 = 10
  }

  /// `NF_INET_*`
  public enum Point: UInt32, Hashable, Sendable, CaseIterable {
    case preRouting = 0
    case localIn = 1
    case forward = 2
    case localOut = 3
    case postRouting = 4
  }

  public var family: Family
  public var point: Point
  /// Programs and tables run by rising priority: -200 is before connection tracking's, 0 iptables' filter. The lowest and
  /// the highest number are the kernel's own.
  public var priority: Int32
  /// Fragments are put together first; the priority has to be above -400.
  public var defragments: Bool

  public init(_ family: Family, _ point: Point, priority: Int32 = 0, defragments: Bool = false) {
    self.family = family
    self.point = point
    self.priority = priority
    self.defragments = defragments
  }
}

extension NetfilterHook: CustomStringConvertible {
  public var description: String { "\(family) \(point) at priority \(priority)" }
}

extension Program {
  /// Attaches the program to a hook of netfilter in the calling thread's network namespace.
  public func attachNetfilter(to hook: NetfilterHook, rungs: [Rung] = Rung.netfilter) throws(AttachError) -> Link {
    let place = AttachPlace(program: name, hook: .netfilter, target: "\(hook)")
    return try place.climb(rungs) { (_) throws(RungFailure) in
      try RungFailure.running { () throws(SystemCallError) in
        .link(
          try BPF.createLink(
            program: descriptor, attachType: plan.expectedAttachType.rawValue,
            to: .netfilter(
              family: hook.family.rawValue, hook: hook.point.rawValue, priority: hook.priority,
              // BPF_F_NETFILTER_IP_DEFRAG
              flags: hook.defragments ? 1 : 0)))
      }
    }
  }
}

extension Rung {
  /// A link (6.4); nothing else does it.
  public static let netfilter = [Rung(.link)]
}
