package import LinuxCalls

/// How a request to attach an XDP program over netlink is to be understood: `XDP_FLAGS_*`, include/uapi/linux/if_link.h.
package struct XDPAttachFlags: OptionSet, Sendable {
  package let rawValue: UInt32
  package init(rawValue: UInt32) { self.rawValue = rawValue }

  /// Only where no program is.
  package static let onlyIfNone = XDPAttachFlags(rawValue: 1 << 0)
  package static let generic = XDPAttachFlags(rawValue: 1 << 1)
  package static let native = XDPAttachFlags(rawValue: 1 << 2)
  /// In the interface's hardware.
  package static let offload = XDPAttachFlags(rawValue: 1 << 3)
  /// Only where the expected program is (5.7).
  package static let replaceExpected = XDPAttachFlags(rawValue: 1 << 4)
}

extension RouteSocket {
  /// Attaches a program (RTM_SETLINK with `IFLA_XDP`). It stays when the process ends.
  package borrowing func attachXDP(
    _ program: borrowing FileDescriptor, to interface: NetworkInterface, flags: XDPAttachFlags
  ) throws(NetlinkError) {
    let number = program.number
    try setXDP("attach XDP to \(interface.name)", interface.index, flags) {
      $0.append(XDPAttribute.descriptor, number)
    }
  }

  /// Puts a program in the place of `expected`, and nothing else that may have come in its place (5.7).
  package borrowing func replaceXDP(
    _ expected: borrowing FileDescriptor, by program: borrowing FileDescriptor, on interface: NetworkInterface,
    flags: XDPAttachFlags
  ) throws(NetlinkError) {
    let (new, old) = (program.number, expected.number)
    try setXDP("replace XDP on \(interface.name)", interface.index, flags.union(.replaceExpected)) {
      $0.append(XDPAttribute.descriptor, new)
      $0.append(XDPAttribute.expectedDescriptor, old)
    }
  }

  /// Detaches `expected`, and nothing else that may have come in its place.
  package borrowing func detachXDP(
    _ expected: borrowing FileDescriptor, from interface: NetworkInterface, flags: XDPAttachFlags
  ) throws(NetlinkError) {
    let number = expected.number
    let request = detachRequest(number, interface, flags)
    try transact("detach XDP from \(interface.name)", request)
  }

  /// Has ``detachXDP(_:from:flags:)`` done when a signal ends the process.
  package borrowing func detachXDPBeforeDeath(
    _ expected: borrowing FileDescriptor, from interface: NetworkInterface, flags: XDPAttachFlags
  ) throws(SystemCallError) -> LastMessage {
    try lastMessage(detachRequest(expected.number, interface, flags))
  }

  private borrowing func setXDP(
    _ attempt: String, _ index: UInt32, _ flags: XDPAttachFlags, _ descriptors: (inout NetlinkRequest) -> Void
  ) throws(NetlinkError) {
    try transact(attempt, xdpRequest(index, flags, descriptors))
  }

  private borrowing func detachRequest(
    _ expected: CInt, _ interface: NetworkInterface, _ flags: XDPAttachFlags
  ) -> NetlinkRequest {
    xdpRequest(interface.index, flags.union(.replaceExpected)) {
      $0.append(XDPAttribute.descriptor, Int32(-1))
      $0.append(XDPAttribute.expectedDescriptor, expected)
    }
  }

  private borrowing func xdpRequest(
    _ index: UInt32, _ flags: XDPAttachFlags, _ descriptors: (inout NetlinkRequest) -> Void
  ) -> NetlinkRequest {
    var request = NetlinkRequest(type: RouteMessageType.setLink, flags: 0, fixed: interfaceMessage(index: index))
    request.appendNested(LinkAttribute.xdp) { nested in
      descriptors(&nested)
      nested.append(XDPAttribute.flags, flags.rawValue)
    }
    return request
  }
}
