public import BPFLoader
import Glibc
import LinuxCalls

extension Program {
  /// Has the program decide how much of each packet a socket receives (`SO_ATTACH_BPF`, 3.19). It takes the place of a
  /// filter that the socket has.
  /// - Parameter socket: its descriptor, of which the link keeps a second one.
  public func attachSocketFilter(
    to socket: Int32, rungs: [Rung] = Rung.socketFilter
  ) throws(AttachError) -> Link {
    try attach(.filter, to: socket, rungs)
  }

  /// Has the program choose among the sockets that share a port, by `SO_REUSEPORT`, who gets what comes in
  /// (`SO_ATTACH_REUSEPORT_EBPF`, 4.5; programs of the kind `sk_reuseport`, 4.19).
  /// - Parameter socket: the descriptor of any of them, of which the link keeps a second one.
  public func attachReuseport(
    to socket: Int32, rungs: [Rung] = Rung.socketFilter
  ) throws(AttachError) -> Link {
    try attach(.reuseport, to: socket, rungs)
  }

  private func attach(
    _ option: SocketAttachment.Option, to socket: Int32, _ rungs: [Rung]
  ) throws(AttachError) -> Link {
    let place = AttachPlace(program: name, hook: .socket, target: "the socket \(socket)")
    return try place.climb(rungs) { (_) throws(RungFailure) in
      try RungFailure.running { () throws(SystemCallError) in
        .socket(try SocketAttachment(self, to: FileDescriptor(duplicating: socket), option))
      }
    }
  }
}

extension Rung {
  public static let socketFilter = [Rung(.socketOption)]
}

/// A program that a socket option attached.
struct SocketAttachment: ~Copyable, Sendable {
  enum Option {
    case filter
    case reuseport

    /// include/uapi/asm-generic/socket.h; the C library may not know the newer ones.
    var attach: (name: String, number: CInt) {
      switch self {
      case .filter: ("SO_ATTACH_BPF", 50)
      case .reuseport: ("SO_ATTACH_REUSEPORT_EBPF", 52)
      }
    }

    var detach: (name: String, number: CInt) {
      switch self {
      case .filter: ("SO_DETACH_BPF", 27)
      // 5.3
      case .reuseport: ("SO_DETACH_REUSEPORT_BPF", 68)
      }
    }
  }

  private let socket: FileDescriptor
  private let option: Option

  init(_ program: Program, to socket: consuming FileDescriptor, _ option: Option) throws(SystemCallError) {
    try Self.attach(program, to: socket, option)
    self.socket = socket
    self.option = option
  }

  func update(to program: Program) throws(SystemCallError) { try Self.attach(program, to: socket, option) }

  private static func attach(
    _ program: Program, to socket: borrowing FileDescriptor, _ option: Option
  ) throws(SystemCallError) {
    let (name, number) = option.attach
    try socket.setOption(name, level: SOL_SOCKET, option: number, program.descriptor.number)
  }

  /// Takes back whatever program the socket has by now: the kernel does not ask which.
  func end() throws(SystemCallError) {
    let (name, number) = option.detach
    try socket.setOption(name, level: SOL_SOCKET, option: number, CInt(0))
  }

  // Nothing is there when another has taken it back.
  deinit { try? end() }
}
