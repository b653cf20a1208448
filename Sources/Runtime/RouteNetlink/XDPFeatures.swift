import Glibc
import LinuxCalls

/// What an interface's driver can do with XDP: `enum netdev_xdp_act`, include/uapi/linux/netdev.h (6.3).
package struct XDPFeatures: OptionSet, Hashable, Sendable {
  package let rawValue: UInt64
  package init(rawValue: UInt64) { self.rawValue = rawValue }

  /// Abort, drop, pass, transmit: native XDP works at all.
  package static let basic = XDPFeatures(rawValue: 1 << 0)
  package static let redirect = XDPFeatures(rawValue: 1 << 1)
  package static let receivesRedirects = XDPFeatures(rawValue: 1 << 2)
  package static let zeroCopySockets = XDPFeatures(rawValue: 1 << 3)
  package static let offload = XDPFeatures(rawValue: 1 << 4)
  /// Frames of more than one buffer.
  package static let fragments = XDPFeatures(rawValue: 1 << 5)
}

extension XDPFeatures {
  /// The features of each interface by index, from the generic netlink family `netdev`; `nil` where the kernel has no
  /// such family (before 6.3).
  package static func all() throws(NetlinkError) -> [UInt32: XDPFeatures]? {
    let socket = try RouteSocket(family: NetlinkSocket.generic)
    guard let family = try socket.family("netdev") else { return nil }
    // NETDEV_CMD_DEV_GET = 1; `struct genlmsghdr`: command, version, 2 bytes of nothing.
    let request = NetlinkRequest(type: family, flags: 0, fixed: [1, 1, 0, 0])
    var all: [UInt32: XDPFeatures] = [:]
    for message in try socket.dump("list XDP features", request) {
      let attributes = message.attributes(behind: 4)
      // NETDEV_A_DEV_IFINDEX = 1, NETDEV_A_DEV_XDP_FEATURES = 3.
      guard let index = attributes[1]?.word(), let low = attributes[3]?.word() else { continue }
      let high = attributes[3]?.word(at: 4) ?? 0
      all[index] = XDPFeatures(rawValue: UInt64(high) << 32 | UInt64(low))
    }
    return all
  }
}

extension RouteSocket {
  /// The number of a generic netlink family, `nil` where there is none of the name.
  fileprivate borrowing func family(_ name: String) throws(NetlinkError) -> UInt16? {
    // GENL_ID_CTRL = 16, CTRL_CMD_GETFAMILY = 3, CTRL_ATTR_FAMILY_NAME = 2, CTRL_ATTR_FAMILY_ID = 1.
    var request = NetlinkRequest(type: 16, flags: 0, fixed: [3, 1, 0, 0])
    request.append(2, string: name)
    do {
      for message in try transact("find the netlink family \(name)", request) {
        if let id = message.attributes(behind: 4)[1], id.count >= 2 { return UInt16(id[0]) | UInt16(id[1]) << 8 }
      }
      return nil
    } catch {
      if error.errno == .noSuchFile { return nil }
      throw error
    }
  }
}
