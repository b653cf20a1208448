package import LinuxCalls

extension RouteSocket {
  /// Makes a pair of virtual Ethernet interfaces (veth(4)), one here and one in another namespace. What goes into the one
  /// comes out of the other. Takes CAP_NET_ADMIN in both namespaces.
  package borrowing func createVethPair(
    _ name: String, peer: String, peerNamespace: borrowing NetworkNamespace
  ) throws(NetlinkError) {
    // IFLA_LINKINFO = 18 { IFLA_INFO_KIND = 1, IFLA_INFO_DATA = 2 { VETH_INFO_PEER = 1 { ifinfomsg, attributes } } }
    let namespace = peerNamespace.descriptor.number
    var request = NetlinkRequest(
      type: RouteMessageType.newLink, flags: CreationFlag.createExclusively, fixed: interfaceMessage())
    request.append(LinkAttribute.name, string: name)
    request.appendNested(18) { information in
      information.append(1, string: "veth")
      information.appendNested(2) { data in
        data.appendNested(1) { other in
          other.appendRaw(interfaceMessage())
          other.append(LinkAttribute.name, string: peer)
          // IFLA_NET_NS_FD
          other.append(28, namespace)
        }
      }
    }
    try transact("create the veth pair \(name) and \(peer)", request)
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

private enum CreationFlag {
  /// NLM_F_CREATE | NLM_F_EXCL
  static let createExclusively: UInt16 = 0x600
}

extension NetlinkError: SystemCallFailure {
  package init(_ failure: SystemCallError) {
    self.init(attempt: failure.call, errno: failure.errno, kernelMessage: nil)
  }
}
