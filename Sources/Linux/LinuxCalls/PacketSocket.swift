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
}
