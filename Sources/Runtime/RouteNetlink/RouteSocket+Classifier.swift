internal import ByteReading
package import LinuxCalls

/// A packet's way through an interface, as seen from the interface's own side.
package enum ClassifierHook: UInt32, Hashable, Sendable, CaseIterable {
  /// `TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS)`
  case ingress = 0xffff_fff2
  /// `TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS)`
  case egress = 0xffff_fff3
}

/// A filter of kind `bpf` on an interface's clsact qdisc (tc-bpf(8)).
package struct ClassifierFilter: Hashable, Sendable {
  package let hook: ClassifierHook
  /// Filters run by rising priority.
  package let priority: UInt16
  /// Among the filters of a priority.
  package let handle: UInt32
  /// The kernel's number for the program; `nil` for a filter of classic BPF.
  package let programID: UInt32?
  /// What the maker of the filter called it.
  package let name: String
}

private enum TrafficMessage {
  static let newQdisc: UInt16 = 36
  static let deleteQdisc: UInt16 = 37
  static let getQdisc: UInt16 = 38
  static let newFilter: UInt16 = 44
  static let deleteFilter: UInt16 = 45
  static let getFilter: UInt16 = 46
  static let fixedByteCount = 20

  /// `struct tcmsg`: family, 3 bytes of nothing, interface, handle, parent, and for filters priority and protocol.
  static func fixed(interface: UInt32, handle: UInt32 = 0, parent: UInt32 = 0, information: UInt32 = 0) -> [UInt8] {
    [0, 0, 0, 0] + [interface, handle, parent, information].flatMap { NetlinkRequest.bytes(of: $0) }
  }
}

/// `TCA_*`, include/uapi/linux/rtnetlink.h
private enum TrafficAttribute {
  static let kind: UInt16 = 1
  static let options: UInt16 = 2
}

/// `TCA_BPF_*`, include/uapi/linux/pkt_cls.h
private enum FilterAttribute {
  static let descriptor: UInt16 = 6
  static let name: UInt16 = 7
  static let flags: UInt16 = 8
  static let programID: UInt16 = 11
}

extension RouteSocket {
  /// `TC_H_CLSACT`
  private static var clsactParent: UInt32 { 0xffff_fff1 }
  private static var clsactHandle: UInt32 { 0xffff_0000 }
  /// `ETH_P_ALL` in network order, beside which the priority stands in the upper half.
  private static var allProtocols: UInt32 { UInt32(UInt16(3).bigEndian) }

  /// What kind of qdisc an interface has where filters of received packets go: `clsact`, `ingress`, or none.
  package borrowing func ingressQdisc(of interface: NetworkInterface) throws(NetlinkError) -> String? {
    let request = NetlinkRequest(
      type: TrafficMessage.getQdisc, flags: 0, fixed: TrafficMessage.fixed(interface: interface.index))
    for message in try dump("list the qdiscs of \(interface.name)", request) {
      guard message.payload.word(at: 4) == interface.index, message.payload.word(at: 12) == Self.clsactParent else {
        continue
      }
      return message.attributes(behind: TrafficMessage.fixedByteCount)[TrafficAttribute.kind]?.netlinkString
    }
    return nil
  }

  /// Gives an interface a clsact qdisc, which holds filters of received and of sent packets and queues nothing (4.5).
  /// - Throws: EEXIST where there is one, or an ingress qdisc, already.
  package borrowing func createClsact(on interface: NetworkInterface) throws(NetlinkError) {
    let (attempt, request) = clsactCreation(on: interface)
    try transact(attempt, request)
  }

  private borrowing func clsactCreation(on interface: NetworkInterface) -> (attempt: String, request: NetlinkRequest) {
    var request = clsactRequest(TrafficMessage.newQdisc, interface)
    request.addFlags(CreationFlag.createExclusively)
    return ("add a clsact qdisc to \(interface.name)", request)
  }

  /// Removes it, with all that is on it.
  package borrowing func deleteClsact(from interface: NetworkInterface) throws(NetlinkError) {
    try transact(
      "remove the clsact qdisc of \(interface.name)", clsactRequest(TrafficMessage.deleteQdisc, interface))
  }

  private borrowing func clsactRequest(_ type: UInt16, _ interface: NetworkInterface) -> NetlinkRequest {
    var request = NetlinkRequest(
      type: type, flags: 0,
      fixed: TrafficMessage.fixed(
        interface: interface.index, handle: Self.clsactHandle, parent: Self.clsactParent))
    request.append(TrafficAttribute.kind, string: "clsact")
    return request
  }

  /// How many filters of any kind are on a hook.
  package borrowing func filterCount(
    on interface: NetworkInterface, _ hook: ClassifierHook
  ) throws(NetlinkError) -> Int {
    try filterMessages(on: interface, hook).count { $0.payload.word(at: 8) ?? 0 != 0 }
  }

  /// The filters of kind `bpf` on a hook, in the order in which they run.
  package borrowing func filters(
    on interface: NetworkInterface, _ hook: ClassifierHook
  ) throws(NetlinkError) -> [ClassifierFilter] {
    try filterMessages(on: interface, hook).compactMap { ClassifierFilter($0, hook) }
  }

  private borrowing func filterMessages(
    on interface: NetworkInterface, _ hook: ClassifierHook
  ) throws(NetlinkError) -> [NetlinkMessage] {
    let request = NetlinkRequest(
      type: TrafficMessage.getFilter, flags: 0,
      fixed: TrafficMessage.fixed(interface: interface.index, parent: hook.rawValue))
    return try dump("list the \(hook) filters of \(interface.name)", request)
      .filter { $0.type == TrafficMessage.newFilter && $0.payload.word(at: 4) == interface.index }
  }

  /// Adds a filter in direct-action mode, where what the program returns decides what becomes of the packet (4.4).
  /// - Parameters:
  ///   - priority: 0 for a new one of the kernel's choice, in front of those that it chose before.
  ///   - handle: 0 for the kernel's choice.
  ///   - makingClsact: make the qdisc, too, which has to be new; no process that is killed leaves it without the filter.
  /// - Returns: the filter as it is now.
  package borrowing func addFilter(
    _ program: borrowing FileDescriptor, name: String, to interface: NetworkInterface, _ hook: ClassifierHook,
    priority: UInt16 = 0, handle: UInt32 = 0, makingClsact: Bool = false
  ) throws(NetlinkError) -> ClassifierFilter {
    let attempt = "add an \(hook) filter to \(interface.name)"
    let request = setRequest(
      program.number, name, interface, hook, priority, handle,
      flags: CreationFlag.createExclusively | CreationFlag.echo)
    func filter(in answers: [NetlinkMessage]) throws(NetlinkError) -> ClassifierFilter {
      guard let filter = answers.lazy.compactMap({ ClassifierFilter($0, hook) }).first else {
        throw NetlinkError(attempt: attempt, errno: .noSuchFile)
      }
      return filter
    }
    guard makingClsact else { return try filter(in: transact(attempt, request)) }
    let (qdisc, added) = try transact(clsactCreation(on: interface), (attempt, request))
    if case .failure(let error) = qdisc {
      // Somebody has just made one.
      if let answers = try? added.get() { try? delete(filter(in: answers), from: interface) }
      throw error
    }
    return try filter(in: added.get())
  }

  /// Puts another program into a filter, with no packet missed in between.
  package borrowing func replace(
    _ filter: ClassifierFilter, by program: borrowing FileDescriptor, name: String, on interface: NetworkInterface
  ) throws(NetlinkError) {
    try transact(
      "replace the \(filter.hook) filter of \(interface.name)",
      setRequest(
        program.number, name, interface, filter.hook, filter.priority, filter.handle, flags: CreationFlag.replace))
  }

  private borrowing func setRequest(
    _ program: CInt, _ name: String, _ interface: NetworkInterface, _ hook: ClassifierHook, _ priority: UInt16,
    _ handle: UInt32, flags: UInt16
  ) -> NetlinkRequest {
    var request = filterRequest(TrafficMessage.newFilter, interface, hook, priority, handle, flags: flags)
    request.appendNested(TrafficAttribute.options) { options in
      options.append(FilterAttribute.descriptor, program)
      options.append(FilterAttribute.name, string: name)
      // TCA_BPF_FLAG_ACT_DIRECT
      options.append(FilterAttribute.flags, UInt32(1))
    }
    return request
  }

  package borrowing func delete(
    _ filter: ClassifierFilter, from interface: NetworkInterface
  ) throws(NetlinkError) {
    try transact("remove the \(filter.hook) filter of \(interface.name)", deleteRequest(filter, interface))
  }

  /// Has ``delete(_:from:)`` done when a signal ends the process.
  package borrowing func deleteBeforeDeath(
    _ filter: ClassifierFilter, from interface: NetworkInterface
  ) throws(SystemCallError) -> LastMessage {
    try lastMessage(deleteRequest(filter, interface))
  }

  private borrowing func deleteRequest(_ filter: ClassifierFilter, _ interface: NetworkInterface) -> NetlinkRequest {
    filterRequest(
      TrafficMessage.deleteFilter, interface, filter.hook, filter.priority, filter.handle, flags: 0)
  }

  private borrowing func filterRequest(
    _ type: UInt16, _ interface: NetworkInterface, _ hook: ClassifierHook, _ priority: UInt16, _ handle: UInt32,
    flags: UInt16
  ) -> NetlinkRequest {
    var request = NetlinkRequest(
      type: type, flags: flags,
      fixed: TrafficMessage.fixed(
        interface: interface.index, handle: handle, parent: hook.rawValue,
        information: UInt32(priority) << 16 | Self.allProtocols))
    request.append(TrafficAttribute.kind, string: "bpf")
    return request
  }
}

extension ClassifierFilter {
  /// Reads a RTM_NEWTFILTER; `nil` for one of another kind, and for the message that tells of a priority as such.
  fileprivate init?(_ message: NetlinkMessage, _ hook: ClassifierHook) {
    let attributes = message.attributes(behind: TrafficMessage.fixedByteCount)
    guard attributes[TrafficAttribute.kind]?.netlinkString == "bpf", let handle = message.payload.word(at: 8),
      handle != 0, let information = message.payload.word(at: 16)
    else { return nil }
    let options = attributes[TrafficAttribute.options].map { NetlinkAttributes.read($0) } ?? [:]
    self.init(
      hook: hook, priority: UInt16(information >> 16), handle: handle,
      programID: options[FilterAttribute.programID]?.word(),
      name: options[FilterAttribute.name]?.netlinkString ?? "")
  }
}
