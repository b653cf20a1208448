public import BPFLoader
import BPFObjectFile
import BPFRelocation
import LinuxCalls

extension Program {
  /// Attaches the program to a network namespace, where it takes packets apart in place of the kernel's own dissector, for
  /// hashing them among others. There is one at a time, and one in the first namespace serves all.
  /// - Parameter path: a file that stands for the namespace; the calling thread's without one.
  public func attachFlowDissector(
    toNamespace path: String = "/proc/thread-self/ns/net", rungs: [Rung] = Rung.flowDissector
  ) throws(AttachError) -> Link {
    let place = AttachPlace(program: name, hook: .networkNamespace, target: path)
    let namespace = try place.networkNamespace()
    let type = plan.expectedAttachType.rawValue
    return try place.climb(rungs) { (rung) throws(RungFailure) in
      guard rung.way != .link else { return try link(type, at: UInt32(bitPattern: namespace.number), .last) }
      return try RungFailure.running { () throws(SystemCallError) in
        return .program(
          try ProgramAttachment(
            self, to: .namespace(NetworkNamespace(namespace.duplicate())), attachType: type, isShared: false))
      }
    }
  }
}

extension Rung {
  /// A link (5.8), or the older command (4.20; for other namespaces than the first, 5.2).
  public static let flowDissector = [Rung(.link), Rung(.programAttach)]
}
