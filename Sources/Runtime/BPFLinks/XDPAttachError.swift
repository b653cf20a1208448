package import LinuxCalls
public import RouteNetlink

/// An XDP program that could not be attached.
public struct XDPAttachError: Error, Hashable, Sendable {
  public enum Reason: Hashable, Sendable {
    case noSuchInterface(known: [String])
    /// Frames that do not begin with an Ethernet header.
    case notEthernet(hardwareType: UInt16)
    case occupied([XDPOccupant], [XDPRefusal])
    case refused([XDPRefusal])
    case netlink(NetlinkError)
  }

  public let program: String
  public let interface: String
  public let reason: Reason
}

extension XDPAttachError: SystemCallFailure {
  /// Entering the interface's namespace failed.
  package init(_ failure: SystemCallError) {
    self.init(program: "", interface: "", reason: .netlink(NetlinkError(failure)))
  }
}

extension XDPAttachError: CustomStringConvertible {
  /// One line, for logs.
  public var description: String {
    let attempt = "attach \(program) to \(interface): "
    switch reason {
    case .noSuchInterface: return attempt + "there is no such interface"
    case .notEthernet(let type): return attempt + "its frames have no Ethernet header (link type \(type))"
    case .occupied: return attempt + "another XDP program is there"
    case .refused(let refusals):
      return attempt + (refusals.last.map(\.reason) ?? "no way of attaching was allowed")
    case .netlink(let error): return attempt + error.description
    }
  }

  /// What happened and what to do next, over several lines.
  public var report: String { ([description] + details).joined(separator: "\n") }

  private var details: [String] {
    switch reason {
    case .noSuchInterface(let known):
      let near = Self.near(interface, in: known)
      return near.isEmpty
        ? ["The interfaces here are \(known.joined(separator: ", "))."]
        : ["Did you mean \(near.joined(separator: " or "))? The interfaces here are \(known.joined(separator: ", "))."]
    case .notEthernet:
      return ["Only interfaces with Ethernet headers can be captured on."]
    case .occupied(let occupants, let refusals):
      let who = occupants.map { "There is the \($0)." }
      return (who.isEmpty ? refusals.map { "  \($0.rung): \($0.reason)" } : who) + [
        "An interface takes one XDP program at a time: end the other, or remove it with "
          + "'ip link set dev \(interface) xdp off' (a bpf_link ends with its process or its pin)."
      ]
    case .refused(let refusals):
      let all = refusals.map { "  \($0.rung): \($0.reason)" }
      return all + (Self.hint(refusals.last?.errno).map { [$0] } ?? [])
    case .netlink: return []
    }
  }

  private static func hint(_ errno: Errno?) -> String? {
    switch errno {
    case Errno.notPermitted, Errno.accessDenied:
      let missing = [Capability.netAdmin].filter { !Capability.effective().contains($0) }
      return missing.isEmpty
        ? "The capabilities are there, so a security module or lockdown forbids it."
        : "This process lacks \(missing.map(\.name).joined(separator: ", ")), which attaching takes."
    case Errno.noSuchDevice: return "The interface has just gone."
    case Errno.notSupported, Errno.invalidArgument:
      return
        "The driver or its present settings (a large MTU, offloads) do not allow it; --via xdp-generic works on every"
        + " interface."
    default: return nil
    }
  }

  /// Names that differ by little from the one that was asked for, the nearest first.
  static func near(_ name: String, in known: [String]) -> [String] {
    let distances = known.map { (name: $0, distance: distance(Array(name.utf8), Array($0.utf8))) }
    let limit = max(1, name.utf8.count / 2)
    return distances.filter { $0.distance <= limit }.sorted { $0.distance < $1.distance }.prefix(3).map(\.name)
  }

  /// How many bytes have to be inserted, removed or changed to make one of the other.
  private static func distance(_ one: [UInt8], _ other: [UInt8]) -> Int {
    var row = Array(0...other.count)
    for (line, byte) in one.enumerated() {
      var diagonal = row[0]
      row[0] = line + 1
      for column in other.indices {
        let change = diagonal + (byte == other[column] ? 0 : 1)
        diagonal = row[column + 1]
        row[column + 1] = min(change, row[column] + 1, diagonal + 1)
      }
    }
    return row[other.count]
  }
}
