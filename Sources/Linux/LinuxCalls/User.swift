internal import CLinux

/// A user to go on as, from /etc/passwd; or by number, as `UID` or `UID:GID`.
package struct User: Hashable, Sendable {
  package let name: String
  package let uid, gid: UInt32
  /// The groups that /etc/group names the user in.
  package let groups: [UInt32]

  /// `nil` where there is no such user.
  package init?(named name: String) {
    self.name = name
    let numbers = name.split(separator: ":", omittingEmptySubsequences: false).map { UInt32($0) }
    if (1...2).contains(numbers.count), let uid = numbers[0], let gid = numbers.count == 2 ? numbers[1] : uid {
      (self.uid, self.gid, groups) = (uid, gid, [])
      return
    }
    let entry = Self.lines(of: "/etc/passwd").first { $0.first == name[...] && $0.count >= 4 }
    guard let entry, let uid = UInt32(entry[2]), let gid = UInt32(entry[3]) else { return nil }
    (self.uid, self.gid) = (uid, gid)
    groups = Self.lines(of: "/etc/group").compactMap { fields in
      guard fields.count >= 4, fields[3].split(separator: ",").contains(name[...]) else { return nil }
      return UInt32(fields[2])
    }
  }

  private static func lines(of path: String) -> [[Substring]] {
    let text = (try? contents(ofFile: path)).map { String(decoding: $0, as: UTF8.self) } ?? ""
    return text.split(separator: "\n").map { $0.split(separator: ":", omittingEmptySubsequences: false) }
  }

  /// Makes all threads of the process this user's, with nothing of its capabilities left (setgroups(2), setresgid(2),
  /// setresuid(2)). What needed them has to be open by then.
  package func become() throws(SystemCallError) {
    var groups = groups
    _ = try checked("setgroups", unsafe linux_setgroups(groups.count, &groups))
    _ = try checked("setresgid", linux_setgid(gid))
    _ = try checked("setresuid", linux_setuid(uid))
  }
}
