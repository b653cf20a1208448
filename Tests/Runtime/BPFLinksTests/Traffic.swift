import Glibc
import LinuxCalls

/// Messages of this process to itself, over loopback or a path; each call that a hook may watch is among them.
enum Traffic {
  enum Family { case ipv4, ipv6, unix }

  private static func address(_ family: Family, _ name: String = "") -> [UInt8] {
    switch family {
    case .ipv4: [2, 0, 0, 0, 127, 0, 0, 1] + [UInt8](repeating: 0, count: 8)
    case .ipv6: [10, 0] + [UInt8](repeating: 0, count: 21) + [1, 0, 0, 0, 0]
    case .unix: [1, 0] + Array("/tmp/merops-test-\(getpid())\(name)".utf8) + [0]
    }
  }

  private static func socketOf(_ family: Family, _ type: UInt32) throws -> FileDescriptor {
    let domain = family == .ipv4 ? AF_INET : family == .ipv6 ? AF_INET6 : AF_UNIX
    return try FileDescriptor(socket: domain, type: CInt(type), protocol: 0)
  }

  private static func unlinkPaths() {
    for name in ["", "-sender"] {
      unsafe unlink(String(decoding: address(.unix, name).dropFirst(2).dropLast(), as: UTF8.self))
    }
  }

  /// A datagram with an address given, and one to a peer; receiving them with the sender's address; names and options of
  /// both sockets.
  static func datagram(_ family: Family) throws {
    unlinkPaths()
    defer { unlinkPaths() }
    let receiver = try socketOf(family, SOCK_DGRAM.rawValue)
    try receiver.setTimeout(milliseconds: 5000)
    try receiver.bind(to: address(family))
    let place = try receiver.socketAddress(byteCount: family == .unix ? address(family).count : address(family).count)
    let sender = try socketOf(family, SOCK_DGRAM.rawValue)
    if family == .unix { try sender.bind(to: address(family, "-sender")) }
    try send(1, from: sender, to: place)
    try sender.connect(to: place)
    try unsafe _ = sender.send([UInt8(1)].span.bytes)
    for _ in 0..<2 { try receiveWithSender(receiver) }
    var name = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    unsafe withUnsafeMutableBytes(of: &name) { bytes in
      _ = unsafe getpeername(sender.number, bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self), &length)
    }
    var value: CInt = 0
    length = 4
    _ = unsafe getsockopt(receiver.number, SOL_SOCKET, SO_RCVBUF, &value, &length)
  }

  private static func send(_ byte: UInt8, from socket: borrowing FileDescriptor, to place: [UInt8]) throws {
    let number = socket.number
    let result = unsafe place.withUnsafeBytes { place in
      unsafe [byte].withUnsafeBytes { bytes in
        unsafe sendto(
          number, bytes.baseAddress, 1, 0, place.baseAddress?.assumingMemoryBound(to: sockaddr.self),
          socklen_t(place.count))
      }
    }
    guard result == 1 else { throw SystemCallError(call: "sendto", errno: Errno(rawValue: errno)) }
  }

  private static func receiveWithSender(_ socket: borrowing FileDescriptor) throws {
    let number = socket.number
    var name = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    var byte: UInt8 = 0
    let result = unsafe withUnsafeMutableBytes(of: &name) { name in
      unsafe recvfrom(number, &byte, 1, 0, name.baseAddress?.assumingMemoryBound(to: sockaddr.self), &length)
    }
    guard result == 1 else { throw SystemCallError(call: "recvfrom", errno: Errno(rawValue: errno)) }
  }

  /// Both ends of a new TCP connection over loopback.
  struct Pair: ~Copyable {
    let client: FileDescriptor
    let server: FileDescriptor

    init() throws {
      let listener = try Traffic.socketOf(.ipv4, SOCK_STREAM.rawValue)
      try listener.setTimeout(milliseconds: 5000)
      try listener.bind(to: Traffic.address(.ipv4))
      try listener.listen(backlog: 1)
      let client = try Traffic.socketOf(.ipv4, SOCK_STREAM.rawValue)
      try client.setTimeout(milliseconds: 5000)
      try client.connect(to: listener.socketAddress(byteCount: 16))
      let server = try listener.accept()
      try server.setTimeout(milliseconds: 5000)
      self.client = client
      self.server = server
    }

    /// One byte over, which arrives.
    borrowing func exchange() throws {
      try unsafe _ = client.send([UInt8(7)].span.bytes)
      var buffer: [UInt8] = [0]
      guard try server.receive(into: &buffer) == 1, buffer == [7] else {
        throw SystemCallError(call: "recv", errno: .noSuchFile)
      }
    }
  }

  static func connection() throws { try Pair().exchange() }
}
