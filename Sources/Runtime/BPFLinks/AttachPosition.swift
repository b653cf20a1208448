public import BPFLoader
import LinuxCalls

/// Where a program runs among those that are at its hook already: tcx (6.6), netkit (6.7), cgroups (6.16).
public enum AttachPosition: Hashable, Sendable {
  /// Behind all others, as hooks without any order do it too.
  case last
  case first
  case before(Neighbour)
  case after(Neighbour)

  public enum Neighbour: Hashable, Sendable {
    case program(id: UInt32)
    case link(id: UInt32)
  }

  public static func before(_ program: Program) throws(LoadError) -> AttachPosition {
    .before(.program(id: try program.id()))
  }

  public static func after(_ program: Program) throws(LoadError) -> AttachPosition {
    .after(.program(id: try program.id()))
  }

  /// - Throws: `LinkError` where the link cannot be asked. What is attached otherwise has no number, and is no neighbour.
  public static func before(_ link: borrowing Link) throws(LinkError) -> AttachPosition {
    .before(.link(id: try link.neighbourID()))
  }

  public static func after(_ link: borrowing Link) throws(LinkError) -> AttachPosition {
    .after(.link(id: try link.neighbourID()))
  }

  /// `BPF_F_BEFORE`, `BPF_F_AFTER`, `BPF_F_ID`, `BPF_F_LINK`, include/uapi/linux/bpf.h; and the neighbour's number.
  var request: (flags: UInt32, neighbour: UInt32) {
    switch self {
    case .last: (0, 0)
    case .first: (1 << 3, 0)
    case .before(let neighbour): (1 << 3 | neighbour.flags, neighbour.id)
    case .after(let neighbour): (1 << 4 | neighbour.flags, neighbour.id)
    }
  }
}

extension AttachPosition.Neighbour {
  fileprivate var flags: UInt32 {
    switch self {
    case .program: 1 << 5
    case .link: 1 << 5 | 1 << 13
    }
  }

  fileprivate var id: UInt32 {
    switch self {
    case .program(let id), .link(let id): id
    }
  }
}

extension Link {
  fileprivate func neighbourID() throws(LinkError) -> UInt32 {
    guard let id = try id() else {
      throw LinkError(
        place: place, rung: rung, attempt: "name as neighbour",
        cause: SystemCallError(call: "bpf(BPF_OBJ_GET_INFO_BY_FD)", errno: .notSupported))
    }
    return id
  }
}

extension Program {
  /// A link at a hook that keeps its programs in an order.
  func link(
    _ attachType: UInt32, at target: UInt32, _ position: AttachPosition
  ) throws(RungFailure) -> Attachment {
    let (flags, neighbour) = position.request
    return try RungFailure.running { () throws(SystemCallError) in
      // The plain form, which older kernels know too, where nothing is asked of the order.
      .link(
        try BPF.createLink(
          program: descriptor, attachType: attachType, flags: flags,
          to: position == .last ? .number(target) : .beside(target, neighbour: neighbour, revision: 0)))
    }
  }
}
