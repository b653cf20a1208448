internal import CLinux
import Glibc

/// The netmask of an interface's first IPv4 address, in host order; `nil` where it has none (SIOCGIFNETMASK).
package func ipv4Netmask(ofInterface name: String) -> UInt32? {
  let (nameByteCount, requestByteCount, addressOffset, command): (Int, Int, Int, CUnsignedLong) = (16, 40, 20, 0x891b)
  guard (1..<nameByteCount).contains(name.utf8.count),
    let socket = try? FileDescriptor(socket: AF_INET, type: CInt(SOCK_DGRAM.rawValue), protocol: 0)
  else { return nil }
  var request = Array(name.utf8) + [UInt8](repeating: 0, count: requestByteCount - name.utf8.count)
  let result = unsafe request.withUnsafeMutableBytes { unsafe linux_ioctl(socket.number, command, $0.baseAddress) }
  guard result >= 0 else { return nil }
  return request[addressOffset..<addressOffset + 4].reduce(0) { $0 << 8 | UInt32($1) }
}
