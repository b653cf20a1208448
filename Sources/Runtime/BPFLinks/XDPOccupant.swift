import BPFLoader
import LinuxCalls
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
  public let holders: [Holder]

  public struct Holder: Hashable, Sendable {
    public let pid: Int32
    public let command: String
  }

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
    let name = try? BPF.information(ofProgram: BPF.program(withID: id)).name
    var linkIDs: Set<UInt32> = []
    try? BPF.forEachLink { link in
      if let link = try? BPF.information(ofLink: link), link.program == id, link.interface == interface.index {
        linkIDs.insert(link.id)
      }
    }
    return XDPOccupant(
      mode: mode, programID: id, programName: name, isHeldByLink: !linkIDs.isEmpty,
      holders: holders(ofProgram: id, links: linkIDs))
  }

  /// Looks through the descriptors of all processes: /proc/PID/fdinfo tells a program's or a link's number.
  private static func holders(ofProgram id: UInt32, links: Set<UInt32>) -> [Holder] {
    let lines = Set(links.map { "link_id:\t\($0)" } + ["prog_id:\t\(id)"])
    return processIdentifiers().compactMap { pid in
      let holds = entries(ofDirectory: "/proc/\(pid)/fdinfo").contains { descriptor in
        guard let information = try? contents(ofFile: "/proc/\(pid)/fdinfo/\(descriptor)") else { return false }
        return String(decoding: information, as: UTF8.self).split(separator: "\n").contains {
          lines.contains(String($0))
        }
      }
      guard holds else { return nil }
      let command = (try? contents(ofFile: "/proc/\(pid)/comm")).map { String(decoding: $0, as: UTF8.self) } ?? "?"
      return Holder(pid: pid, command: command.split(separator: "\n").joined())
    }
  }

  func remove(from interface: NetworkInterface) throws {
    try RouteSocket().detachXDP(try BPF.program(withID: programID), from: interface, flags: mode.attachFlags)
  }
}

extension XDPOccupant: CustomStringConvertible {
  public var description: String {
    let name = programName.map { "\"\($0)\" " } ?? ""
    let who = holders.map { "\($0.command) (pid \($0.pid))" }.joined(separator: ", ")
    return "\(mode.rawValue) program \(name)with id \(programID), attached by \(isHeldByLink ? "bpf_link" : "netlink")"
      + (who.isEmpty ? "" : ", held by \(who)")
  }
}
