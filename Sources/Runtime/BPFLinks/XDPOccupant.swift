import BPFLoader
package import LinuxCalls
package import RouteNetlink

/// An XDP program that is on an interface already.
public struct XDPOccupant: Hashable, Sendable {
  public let mode: XDPMode
  /// The kernel's number for the program.
  public let programID: UInt32
  /// Its name; `nil` where this process may not ask.
  public let programName: String?
  /// Whether a bpf_link keeps it, which a living process or a pin does; otherwise it was attached over netlink.
  public let isHeldByLink: Bool
  /// The processes that hold the program or a link to it.
  package let holders: [BPFHolder]

  /// Whether a process of ours attached it over netlink and was killed before it could take it back: our program's
  /// name, no link, and nobody who holds it.
  func isLeftOver(of name: String) -> Bool {
    programName == String(name.prefix(15)) && !isHeldByLink && holders.isEmpty
  }

  package static func occupants(of interface: NetworkInterface) -> [XDPOccupant] {
    let programs = [
      (XDPMode.native, interface.xdp.native), (.generic, interface.xdp.generic),
      (.offload, interface.xdp.offloaded),
    ]
    return programs.compactMap { mode, id in id.map { occupant(mode, $0, interface) } }
  }

  private static func occupant(_ mode: XDPMode, _ id: UInt32, _ interface: NetworkInterface) -> XDPOccupant {
    let name = try? BPF.information(ofProgram: BPF.open(.program, id: id)).name
    var linkIDs: Set<UInt32> = []
    try? BPF.forEach(.link) { (link) throws(SystemCallError) in
      let link = try BPF.information(ofLink: link)
      if link.program == id, link.target == .interface(interface.index, attachType: nil) { linkIDs.insert(link.id) }
      return true
    }
    let known = BPFHolder.all()
    return XDPOccupant(
      mode: mode, programID: id, programName: name, isHeldByLink: !linkIDs.isEmpty,
      holders: linkIDs.sorted().reduce(known["prog_id"]?[id] ?? []) { $0 + (known["link_id"]?[$1] ?? []) }.unique)
  }

  func remove(from interface: NetworkInterface) throws {
    try RouteSocket().detachXDP(try BPF.open(.program, id: programID), from: interface, flags: mode.attachFlags)
  }
}

extension XDPOccupant: CustomStringConvertible {
  public var description: String {
    let name = programName.map { "\"\($0)\" " } ?? ""
    let who = holders.map(\.description).joined(separator: ", ")
    return "\(mode.rawValue) program \(name)with id \(programID), attached by \(isHeldByLink ? "bpf_link" : "netlink")"
      + (who.isEmpty ? "" : ", held by \(who)")
  }
}

extension [BPFHolder] {
  /// Each once, in the order in which they come.
  fileprivate var unique: [BPFHolder] { reduce(into: []) { if !$0.contains($1) { $0.append($1) } } }
}
