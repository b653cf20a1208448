internal import CLinux
import Glibc

// The calls of socket(7), on descriptors. What they are used for has files of its own: TCPSockets, PacketSocket.

extension FileDescriptor {
  /// socket(2), close-on-exec.
  package init(socket domain: CInt, type: CInt, protocol number: CInt) throws(SystemCallError) {
    self.init(adopting: try checked("socket", linux_socket(domain, type, number)))
  }

  /// bind(2). `address` is a `struct sockaddr` of the socket's family.
  package borrowing func bind(to address: [UInt8]) throws(SystemCallError) {
    _ = try checked("bind", unsafe linux_bind(number, address, CUnsignedInt(address.count)))
  }

  /// connect(2).
  ///
  /// Not repeated after a signal: the attempt goes on in the kernel, and a second call would only report EALREADY.
  package borrowing func connect(to address: [UInt8]) throws(SystemCallError) {
    _ = try checked("connect", unsafe linux_connect(number, address, CUnsignedInt(address.count)))
  }

  /// listen(2).
  package borrowing func listen(backlog: Int) throws(SystemCallError) {
    _ = try checked("listen", linux_listen(number, CInt(backlog)))
  }

  /// accept4(2), close-on-exec.
  package borrowing func accept() throws(SystemCallError) -> FileDescriptor {
    let number = self.number
    return FileDescriptor(adopting: try retrying("accept") { linux_accept(number) })
  }

  /// getsockname(2): the first `byteCount` bytes of the `struct sockaddr` that the socket is bound to.
  package borrowing func socketAddress(byteCount: Int) throws(SystemCallError) -> [UInt8] {
    var address = [UInt8](repeating: 0, count: byteCount)
    _ = try checked("getsockname", unsafe linux_getsockname(number, &address, CUnsignedInt(byteCount)))
    return address
  }

  /// shutdown(2) of the sending half: the other end reads to the end, and this one can still receive.
  package borrowing func shutdownSending() throws(SystemCallError) {
    _ = try checked("shutdown", linux_shutdown(number, CInt(SHUT_WR)))
  }

  /// setsockopt(2) with a value such as an integer or one of the C structs that the option documents.
  package borrowing func setOption<Value: BitwiseCopyable>(
    _ name: String, level: CInt, option: CInt, _ value: Value
  ) throws(SystemCallError) {
    let number = self.number
    _ = try checked(
      "setsockopt(\(name))",
      unsafe withUnsafeBytes(of: value) {
        unsafe linux_setsockopt(number, level, option, $0.baseAddress, CUnsignedInt($0.count))
      })
  }

  /// `SO_RCVTIMEO` and `SO_SNDTIMEO`: how long one call may block, which covers accept(2) and connect(2) too. A
  /// receive then fails with EAGAIN, a connect with EINPROGRESS.
  package borrowing func setTimeout(milliseconds: Int) throws(SystemCallError) {
    let limit = timeval(tv_sec: milliseconds / 1000, tv_usec: milliseconds % 1000 * 1000)
    try setOption("SO_RCVTIMEO", level: SOL_SOCKET, option: SO_RCVTIMEO, limit)
    try setOption("SO_SNDTIMEO", level: SOL_SOCKET, option: SO_SNDTIMEO, limit)
  }

  /// send(2), without a SIGPIPE when the other end is gone. Returns how many bytes the kernel took.
  package borrowing func send(_ bytes: RawSpan) throws(SystemCallError) -> Int {
    let number = self.number
    return try retrying("send") {
      unsafe bytes.withUnsafeBytes { unsafe linux_send(number, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
    }
  }

  /// recv(2): fills `buffer` from its start. Returns how many bytes came, 0 at the end of a stream.
  package borrowing func receive(into buffer: inout [UInt8]) throws(SystemCallError) -> Int {
    let number = self.number
    return try retrying("recv") {
      unsafe buffer.withUnsafeMutableBytes { unsafe linux_receive(number, $0.baseAddress, $0.count, 0) }
    }
  }

  /// recvfrom(2) on a netlink socket.
  /// - Returns: the datagram's whole length in bytes, which is more than `buffer` holds where it was cut, and the port
  ///   that sent it: 0 is the kernel.
  package borrowing func receiveNetlink(
    into buffer: inout [UInt8]
  ) throws(SystemCallError) -> (byteCount: Int, sender: UInt32) {
    let number = self.number
    var sender: UInt32 = 0
    let byteCount = try retrying("recvfrom") {
      unsafe buffer.withUnsafeMutableBytes {
        unsafe linux_receive_netlink(number, $0.baseAddress, $0.count, CInt(MSG_TRUNC), &sender)
      }
    }
    return (byteCount, sender)
  }
}
