public import BPFLoader
public import BPFObjectFile
import BPFRelocation
import LinuxCalls

extension Program {
  /// Attaches the program to a map of sockets (`sockmap` or `sockhash`): it runs for what the sockets in the map send
  /// (`sk_msg`) or receive (`sk_skb`). A socket gets the programs that its map has when it is put there.
  /// - Parameter type: for a program whose section does not say what it does (`sk_skb`).
  public func attachSockmap(
    to map: Map, as type: AttachType? = nil, rungs: [Rung] = Rung.sockmap
  ) throws(AttachError) -> Link {
    let place = AttachPlace(program: name, hook: .sockmap, target: "the map \(map.name)")
    guard map.spec.type == .socketMap || map.spec.type == .socketHash else {
      throw AttachError(place: place, reason: .noTarget("it is no map of sockets", hint: nil))
    }
    let attachType = (type ?? plan.expectedAttachType).rawValue
    return try place.climb(rungs) { (rung) throws(RungFailure) in
      guard rung.way != .link else { return try link(attachType, at: UInt32(bitPattern: map.descriptor.number), .last) }
      return try RungFailure.running { () throws(SystemCallError) in
        return .program(
          try ProgramAttachment(
            self, to: .descriptor(map.descriptor.duplicate()), attachType: attachType, isShared: false))
      }
    }
  }
}

extension Rung {
  /// A link (6.10), or the older command (4.14).
  public static let sockmap = [Rung(.link), Rung(.programAttach)]
}
