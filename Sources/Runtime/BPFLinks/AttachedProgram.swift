import LinuxCalls

/// A program that is at a hook, whoever attached it.
public struct AttachedProgram: Hashable, Sendable {
  /// The kernel's number for it.
  public let id: UInt32
  /// Its name; `nil` where this process may not ask.
  public let name: String?
  /// The number of the link that keeps it, where there is one and the kernel tells (tcx and netkit).
  public let linkID: UInt32?
  /// Of a filter on a clsact qdisc.
  public let priority: UInt16?
  public let handle: UInt32?

  init(id: UInt32, linkID: UInt32? = nil, priority: UInt16? = nil, handle: UInt32? = nil) {
    self.id = id
    name = try? BPF.information(ofProgram: BPF.open(.program, id: id)).name
    self.linkID = linkID
    self.priority = priority
    self.handle = handle
  }

  /// In the order in which they run (BPF_PROG_QUERY).
  static func at(_ target: UInt32, attachType: UInt32) throws(SystemCallError) -> [AttachedProgram] {
    let found = try BPF.query(target: target, attachType: attachType)
    return found.programs.enumerated().map { index, id in
      let link = index < found.links.count ? found.links[index] : 0
      return AttachedProgram(id: id, linkID: link == 0 ? nil : link)
    }
  }
}

extension AttachedProgram: CustomStringConvertible {
  public var description: String {
    let name = name.map { "\"\($0)\" " } ?? ""
    let place = priority.map { ", priority \($0) handle \(handle ?? 0)" } ?? ""
    return "program \(name)with id \(id)" + (linkID.map { ", kept by link \($0)" } ?? "") + place
  }
}
