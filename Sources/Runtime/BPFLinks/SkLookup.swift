public import BPFLoader
import BPFObjectFile
import BPFRelocation
import LinuxCalls

extension Program {
  /// Attaches the program to a network namespace, where it chooses the socket that gets a connection or a datagram which
  /// comes in and belongs to none yet. Several run one after the other.
  /// - Parameter path: a file that stands for the namespace; the calling thread's without one.
  public func attachSkLookup(
    toNamespace path: String = "/proc/thread-self/ns/net", rungs: [Rung] = Rung.skLookup
  ) throws(AttachError) -> Link {
    let place = AttachPlace(program: name, hook: .networkNamespace, target: path)
    let namespace = try place.networkNamespace()
    return try place.climb(rungs) { (_) throws(RungFailure) in
      try link(plan.expectedAttachType.rawValue, at: UInt32(bitPattern: namespace.number), .last)
    }
  }
}

extension Rung {
  /// A link (5.9); nothing else does it.
  public static let skLookup = [Rung(.link)]
}
