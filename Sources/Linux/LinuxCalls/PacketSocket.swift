internal import CLinux
import Glibc

/// A packet(7) socket that sends whole link-layer frames out of one interface, and receives nothing. Needs CAP_NET_RAW.
package struct PacketSocket: ~Copyable, Sendable {
  private let descriptor: FileDescriptor

  /// Opens it in the namespace of the calling thread.
  /// - Parameters:
  ///   - interfaceIndex: the interface to send from.
  ///   - bypassingQueue: `PACKET_QDISC_BYPASS` (3.14): frames go to the driver without a queueing discipline, for floods.
  package init(sendingFrom interfaceIndex: UInt32, bypassingQueue: Bool = false) throws(SystemCallError) {
    // Protocol 0 is what makes it receive nothing.
    let descriptor = try FileDescriptor(socket: AF_PACKET, type: CInt(SOCK_RAW.rawValue), protocol: 0)
    if bypassingQueue {
      try descriptor.setOption("PACKET_QDISC_BYPASS", level: 263, option: 20, CInt(1))
    }
    // struct sockaddr_ll: family, protocol, interface index, hardware type, packet type, address length, address.
    var address = [UInt8](repeating: 0, count: 20)
    unsafe address.withUnsafeMutableBytes {
      unsafe $0.storeBytes(of: UInt16(AF_PACKET), as: UInt16.self)
      unsafe $0.storeBytes(of: interfaceIndex, toByteOffset: 4, as: UInt32.self)
    }
    try descriptor.bind(to: address)
    self.descriptor = descriptor
  }

  /// Sends one frame, beginning with its link-layer header.
  package borrowing func send(_ frame: [UInt8]) throws(SystemCallError) {
    _ = try unsafe descriptor.send(frame.span.bytes)
  }

  /// sendmmsg(2): sends frames of one length that lie one after the other in `frames`.
  /// - Returns: how many frames went out, from the first on: at most 64 a call, fewer when the interface's queue is full.
  package borrowing func sendBatch(_ frames: [UInt8], frameByteCount: Int) throws(SystemCallError) -> Int {
    precondition(frameByteCount > 0 && frames.count % frameByteCount == 0, "a batch is whole frames")
    let number = descriptor.number
    let count = CUnsignedInt(min(frames.count / frameByteCount, 64))
    return try Int(retrying("sendmmsg") { unsafe linux_send_each(number, frames, frameByteCount, count) })
  }
}
