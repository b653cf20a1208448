/// What container engines name the cgroup of a container after: 64 hexadecimal digits, in a component of their own or within
/// one (`docker-ID.scope`, `cri-containerd-ID.scope`, `libpod-ID.scope`).
package enum ContainerIdentifier {
  /// The digits of the deepest one; `nil` where there is none.
  /// - Parameter path: of the cgroup, below the hierarchy's root.
  package static func find(inCgroup path: String) -> [UInt8]? {
    for component in path.utf8.split(separator: UInt8(ascii: "/")).reversed() {
      for run in component.split(whereSeparator: { !isDigit($0) }) where run.count == 64 { return Array(run) }
    }
    return nil
  }

  private static func isDigit(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
  }
}
