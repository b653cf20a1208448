package import LinuxCalls

extension RouteSocket {
  /// Makes a pair of virtual Ethernet interfaces (veth(4)), one here and one in another namespace. What goes into the one
  /// comes out of the other. Takes CAP_NET_ADMIN in both namespaces.
  package borrowing func createVethPair(
    _ name: String, peer: String, peerNamespace: borrowing NetworkNamespace
  ) throws(NetlinkError) {
    try createPair(of: "veth", name, peer: peer, peerNamespace: peerNamespace)
  }

  /// The same of netkit interfaces, with Ethernet headers (6.7). A program on an interface of the pair runs for what is sent
  /// through it; the one that is made here is the primary, by which both are managed.
  package borrowing func createNetkitPair(
    _ name: String, peer: String, peerNamespace: borrowing NetworkNamespace
  ) throws(NetlinkError) {
    // IFLA_NETKIT_MODE = 5: NETKIT_L2 = 0.
    try createPair(of: "netkit", name, peer: peer, peerNamespace: peerNamespace) { $0.append(5, UInt32(0)) }
  }

  private borrowing func createPair(
    of kind: String, _ name: String, peer: String, peerNamespace: borrowing NetworkNamespace,
    settings: (inout NetlinkRequest) -> Void = { _ in }
  ) throws(NetlinkError) {
    // IFLA_LINKINFO = 18 { IFLA_INFO_KIND = 1, IFLA_INFO_DATA = 2 { PEER = 1 { ifinfomsg, attributes }, settings } },
    // where PEER is VETH_INFO_PEER or IFLA_NETKIT_PEER_INFO.
    let namespace = peerNamespace.descriptor.number
    var request = NetlinkRequest(
      type: RouteMessageType.newLink, flags: CreationFlag.createExclusively, fixed: interfaceMessage())
    request.append(LinkAttribute.name, string: name)
    request.appendNested(18) { information in
      information.append(1, string: kind)
      information.appendNested(2) { data in
        data.appendNested(1) { other in
          other.appendRaw(interfaceMessage())
          other.append(LinkAttribute.name, string: peer)
          // IFLA_NET_NS_FD
          other.append(28, namespace)
        }
        settings(&data)
      }
    }
    try transact("create the \(kind) pair \(name) and \(peer)", request)
  }

  package borrowing func setUp(_ interface: NetworkInterface) throws(NetlinkError) {
    let up: UInt32 = 1
    let request = NetlinkRequest(
      type: RouteMessageType.newLink, flags: 0,
      fixed: interfaceMessage(index: interface.index, flags: up, change: up))
    try transact("set \(interface.name) up", request)
  }

  /// Gives an interface an address, usable at once: IPv6 does not first ask around whether somebody has it already.
  /// - Parameter prefixLength: of the network, in bits.
  package borrowing func addAddress(
    _ address: IPAddress, prefixLength: UInt8, to interface: NetworkInterface
  ) throws(NetlinkError) {
    // `struct ifaddrmsg`: family, prefix length, flags (IFA_F_NODAD), scope, interface.
    let noDuplicateDetection: UInt8 = 2
    let fixed =
      [UInt8(truncatingIfNeeded: address.family.number), prefixLength, noDuplicateDetection, 0]
      + NetlinkRequest.bytes(of: interface.index)
    // RTM_NEWADDR; IFA_ADDRESS = 1, IFA_LOCAL = 2.
    var request = NetlinkRequest(type: 20, flags: CreationFlag.createExclusively, fixed: fixed)
    request.append(2, address.bytes)
    request.append(1, address.bytes)
    try transact("give \(interface.name) the address \(address)", request)
  }

  /// Removes an interface; of a veth pair, both go.
  package borrowing func delete(_ interface: NetworkInterface) throws(NetlinkError) {
    let request = NetlinkRequest(
      type: RouteMessageType.deleteLink, flags: 0, fixed: interfaceMessage(index: interface.index))
    try transact("remove \(interface.name)", request)
  }
}

enum CreationFlag {
  /// NLM_F_CREATE | NLM_F_EXCL
  static let createExclusively: UInt16 = 0x600
  /// NLM_F_REPLACE
  static let replace: UInt16 = 0x100
  /// NLM_F_ECHO: the kernel also tells what it made.
  static let echo: UInt16 = 8
}

extension NetlinkError: SystemCallFailure {
  package init(_ failure: SystemCallError) {
    self.init(attempt: failure.call, errno: failure.errno, kernelMessage: nil)
  }
}
