public import BPFLoader
import BPFObjectFile
import BPFRelocation
import LinuxCalls
import RouteNetlink

extension Program {
  /// Attaches the program to one end of a pair of netkit interfaces, where it runs for what is sent through that end. Which
  /// one, the section says: `netkit/primary` or `netkit/peer`.
  /// - Parameter interface: the primary one, in the calling thread's network namespace; also for programs of its peer,
  ///   which may be in another.
  public func attachNetkit(
    to interface: String, position: AttachPosition = .last, rungs: [Rung] = Rung.netkit
  ) throws(AttachError) -> Link {
    var place = AttachPlace(program: name, hook: .netkit, target: interface)
    let index = try place.interface().index
    place.interfaceIndex = index
    guard [.netkitPrimary, .netkitPeer].contains(plan.expectedAttachType) else {
      throw AttachError(
        place: place, reason: .wrongProgram("the section \(plan.sectionName) does not say primary or peer"))
    }
    return try place.climb(rungs) { (_) throws(RungFailure) in
      try link(plan.expectedAttachType.rawValue, at: index, position)
    }
  }
}

extension Rung {
  /// A link (6.7).
  public static let netkit = [Rung(.link)]
}
