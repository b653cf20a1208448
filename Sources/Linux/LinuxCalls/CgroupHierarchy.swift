internal import CLinux
import Glibc

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

/// The paths of cgroups, from their numbers. Needs CAP_DAC_READ_SEARCH.
package struct CgroupPaths: ~Copyable {
  private let mountPoint: String
  private let mount: FileDescriptor

  /// `nil` where there is no hierarchy 2.
  package init?() {
    guard let path = CgroupHierarchy.mountPoint, let mount = try? FileDescriptor(opening: path, flags: O_RDONLY) else {
      return nil
    }
    mountPoint = path
    self.mount = mount
  }

  /// Below the root, such as `/user.slice`; `nil` where there is no such cgroup any more.
  package func path(of number: UInt64) -> String? {
    let descriptor = linux_open_cgroup(mount.number, number)
    guard descriptor >= 0, let path = try? FileDescriptor(adopting: descriptor).path(), path.hasPrefix(mountPoint)
    else {
      return nil
    }
    return String(path.dropFirst(mountPoint.count))
  }
}
