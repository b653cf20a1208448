/// The hierarchy of control groups, version 2 (cgroups(7)).
package enum CgroupHierarchy {
  /// Where it is mounted: the root, or the deepest part that this process may see; `nil` where it is not.
  package static var mountPoint: String? {
    // `31 23 0:28 / /sys/fs/cgroup rw,relatime shared:4 - cgroup2 cgroup2 rw`: as many fields before the dash as there are.
    guard let text = try? contents(ofFile: "/proc/self/mountinfo") else { return nil }
    for line in String(decoding: text, as: UTF8.self).split(separator: "\n") {
      let fields = line.split(separator: " ")
      guard fields.count > 6, let dash = fields.firstIndex(of: "-"), dash + 1 < fields.count,
        fields[dash + 1] == "cgroup2"
      else { continue }
      return String(fields[4])
    }
    return nil
  }
}
