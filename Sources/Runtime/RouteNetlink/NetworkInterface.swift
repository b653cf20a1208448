internal import ByteReading
import Glibc
import LinuxCalls

/// A network interface, as RTM_GETLINK tells of it (rtnetlink(7)).
package struct NetworkInterface: Hashable, Sendable {
  package let index: UInt32
  package let name: String
  /// What its administrator calls it: `ip link set NAME alias TEXT`.
  package let alias: String?
  /// `IFF_*`, include/uapi/linux/if.h.
  package let flags: UInt32
  /// In bytes.
  package let mtu: UInt32
  /// `ARPHRD_*`: 1 is Ethernet, 772 loopback, which carries Ethernet headers too.
  package let hardwareType: UInt16
  package let xdp: XDPState

  package var isUp: Bool { flags & UInt32(IFF_UP) != 0 }
  /// Up, and the other end of the cable is there.
  package var isRunning: Bool { flags & UInt32(IFF_RUNNING) != 0 }
  package var isLoopback: Bool { flags & UInt32(IFF_LOOPBACK) != 0 }
  /// Whether its frames begin with an Ethernet header.
  package var isEthernet: Bool { hardwareType == 1 || hardwareType == 772 }

  /// The XDP programs on an interface, by where they run: `IFLA_XDP`.
  package struct XDPState: Hashable, Sendable {
    package var native: UInt32?
    package var generic: UInt32?
    package var offloaded: UInt32?
    package var programIDs: [UInt32] { [native, generic, offloaded].compactMap { $0 } }
  }
}

enum RouteMessageType {
  static let newLink: UInt16 = 16
  static let deleteLink: UInt16 = 17
  static let getLink: UInt16 = 18
  static let setLink: UInt16 = 19
}

/// `IFLA_*`, include/uapi/linux/if_link.h.
enum LinkAttribute {
  static let name: UInt16 = 3
  static let mtu: UInt16 = 4
  static let alias: UInt16 = 20
  static let xdp: UInt16 = 43
}

/// `IFLA_XDP_*`
enum XDPAttribute {
  static let descriptor: UInt16 = 1
  static let attached: UInt16 = 2
  static let flags: UInt16 = 3
  static let programID: UInt16 = 4
  static let nativeID: UInt16 = 5
  static let genericID: UInt16 = 6
  static let offloadedID: UInt16 = 7
  static let expectedDescriptor: UInt16 = 8
}

/// `struct ifinfomsg`, 16 bytes: family, hardware type, index, flags, changed flags.
func interfaceMessage(index: UInt32 = 0, flags: UInt32 = 0, change: UInt32 = 0) -> [UInt8] {
  [0, 0, 0, 0] + NetlinkRequest.bytes(of: index) + NetlinkRequest.bytes(of: flags) + NetlinkRequest.bytes(of: change)
}

extension NetworkInterface {
  static let fixedByteCount = 16

  /// Reads a RTM_NEWLINK or RTM_DELLINK; `nil` where what it tells is incomplete.
  init?(_ message: NetlinkMessage) {
    let payload = message.payload
    guard let index = payload.word(at: 4), let flags = payload.word(at: 8),
      let hardwareType = try? payload.read(UInt16.self, at: 2)
    else { return nil }
    let attributes = message.attributes(behind: Self.fixedByteCount)
    guard let name = attributes[LinkAttribute.name]?.netlinkString else { return nil }
    self.index = index
    self.name = name
    self.flags = flags
    self.hardwareType = hardwareType
    alias = attributes[LinkAttribute.alias]?.netlinkString
    mtu = attributes[LinkAttribute.mtu]?.word() ?? 0
    xdp = XDPState(attributes[LinkAttribute.xdp].map { NetlinkAttributes.read($0) } ?? [:])
  }
}

extension NetworkInterface.XDPState {
  /// Since 4.19 each mode has a number of its own; before, there was one program and the mode beside it.
  fileprivate init(_ attributes: [UInt16: [UInt8]]) {
    native = attributes[XDPAttribute.nativeID]?.word()
    generic = attributes[XDPAttribute.genericID]?.word()
    offloaded = attributes[XDPAttribute.offloadedID]?.word()
    if programIDs.isEmpty, let id = attributes[XDPAttribute.programID]?.word(), id != 0 {
      if attributes[XDPAttribute.attached]?.first == 2 { generic = id } else { native = id }
    }
  }
}

extension RouteSocket {
  /// All interfaces of the namespace, by index.
  package borrowing func interfaces() throws(NetlinkError) -> [NetworkInterface] {
    let request = NetlinkRequest(type: RouteMessageType.getLink, flags: 0, fixed: interfaceMessage())
    return try dump("list the interfaces", request).compactMap { NetworkInterface($0) }.sorted { $0.index < $1.index }
  }

  /// The interface of a name; `nil` where there is none.
  package borrowing func interface(named name: String) throws(NetlinkError) -> NetworkInterface? {
    // Kernels before 5.5 do not look for long names in IFLA_IFNAME, and no name of 16 bytes exists: the list serves all.
    try interfaces().first { $0.name == name }
  }
}
