import BPFLoader
import LinuxCalls
import Synchronization

/// A program that BPF_PROG_ATTACH attached to a cgroup, a map or a network namespace.
struct ProgramAttachment: ~Copyable, Sendable {
  enum Target: ~Copyable, Sendable {
    case descriptor(FileDescriptor)
    /// The command knows only the calling thread's namespace.
    case namespace(NetworkNamespace)

    borrowing func reach(_ body: @Sendable (CInt) throws(SystemCallError) -> Void) throws(SystemCallError) {
      switch self {
      case .descriptor(let descriptor): try body(descriptor.number)
      case .namespace(let namespace): try namespace.run { () throws(SystemCallError) in try body(0) }
      }
    }

    /// As BPF_PROG_QUERY takes it.
    var number: UInt32 {
      switch self {
      case .descriptor(let descriptor): UInt32(bitPattern: descriptor.number)
      case .namespace(let namespace): UInt32(bitPattern: namespace.descriptor.number)
      }
    }
  }

  private let target: Target
  private let attachType: UInt32
  private let isShared: Bool
  /// `nil` once it has been taken back.
  private let program: Mutex<Program?>

  /// - Parameter isShared: whether others may be at the same place (`BPF_F_ALLOW_MULTI`, cgroups). Elsewhere EEXIST tells of one.
  init(
    _ program: Program, to target: consuming Target, attachType: UInt32, isShared: Bool
  ) throws(SystemCallError) {
    // BPF_PROG_ATTACH would put ours in the place of one that is there. Not every kernel tells of any (maps: 5.17).
    if !isShared, let there = try? BPF.query(target: target.number, attachType: attachType), !there.programs.isEmpty {
      throw SystemCallError(call: "bpf(BPF_PROG_ATTACH)", errno: .exists)
    }
    try target.reach { (number) throws(SystemCallError) in
      try BPF.attach(program.descriptor, to: number, attachType: attachType, flags: isShared ? Self.allowMulti : 0)
    }
    self.target = target
    self.attachType = attachType
    self.isShared = isShared
    self.program = Mutex(program)
  }

  private static let allowMulti: UInt32 = 1 << 1
  private static let replace: UInt32 = 1 << 2

  /// In a cgroup the kernel looks that the old program is there (5.6); elsewhere there can be one only, and it goes.
  func update(to new: Program, replacing old: Program?) throws(SystemCallError) {
    try program.withLock { (program) throws(SystemCallError) in
      guard let attached = old ?? program else {
        throw SystemCallError(call: "bpf(BPF_PROG_ATTACH)", errno: .noSuchFile)
      }
      let (attachType, isShared) = (attachType, isShared)
      try target.reach { (number) throws(SystemCallError) in
        try BPF.attach(
          new.descriptor, to: number, attachType: attachType, flags: isShared ? Self.allowMulti | Self.replace : 0,
          replacing: isShared ? attached.descriptor.number : 0)
      }
      program = new
    }
  }

  /// Fails where another program has taken our place.
  func end() throws(SystemCallError) {
    try program.withLock { (program) throws(SystemCallError) in
      guard let attached = program else { return }
      program = nil
      let attachType = attachType
      try target.reach { (number) throws(SystemCallError) in
        try BPF.detach(attached.descriptor, from: number, attachType: attachType)
      }
    }
  }

  // Who has taken our place keeps it.
  deinit { try? end() }
}
