package import BPFLoader

/// Which connections are told of, and how.
package struct ConnectionOptions: Sendable {
  /// A network: the bytes of an IPv6 address, of IPv4 as `::ffff:a.b.c.d`, and how many of its 128 bits count.
  package struct Network: Hashable, Sendable {
    package let address: [UInt8]
    package let bitCount: Int

    /// - Parameters:
    ///   - address: 4 or 16 bytes.
    ///   - bitCount: of these, `nil` for all.
    package init?(address: [UInt8], bitCount: Int?) {
      let all = address.count * 8
      guard address.count == 4 || address.count == 16, (0...all).contains(bitCount ?? all) else { return nil }
      self.address = address.count == 4 ? Array(repeating: 0, count: 10) + [0xff, 0xff] + address : address
      self.bitCount = (bitCount ?? all) + 128 - all
    }
  }

  // Each list that is not empty has to have one that fits; up to ``listLimit`` each.
  /// Of either side.
  package var ports: [UInt16] = []
  package var networks: [Network] = []
  package var processes: [UInt32] = []
  package var users: [UInt32] = []
  /// Names of tasks, as the kernel has them: up to 15 bytes.
  package var names: [String] = []
  /// By number; those below them count, too.
  package var cgroups: [UInt64] = []
  /// Inodes of network namespaces.
  package var namespaces: [UInt32] = []
  package static let listLimit = 16

  /// Tells of connections when they open, too.
  package var tellsOpened = false
  /// Tells of each step in which a connection's owner may become known, too.
  package var tellsSteps = false
  /// Tells of the SYNs that listening sockets get, instead of connections.
  package var tellsOnlySYN = false
  package var transport = RecordTransport.auto
  /// How many connections are followed at once.
  package var tableCount = 1 << 16
  /// How many half-open connections.
  package var halfOpenTableCount = 1 << 13
  /// Of the ring, or of the ring of each CPU, in bytes: a power of two, and a multiple of the page size.
  package var ringByteCount = 1 << 20
  /// With so many bytes in a ring the reader is woken: three quarters of the time are left to wake up in.
  var wakeByteCount: Int { ringByteCount / 4 }
  /// How many records to deliver; `nil` for no limit.
  package var count: Int?
  /// How long to run, in seconds; `nil` for no limit.
  package var duration: Double?
  /// How often to report statistics, in seconds; `nil` for only at the end.
  package var statisticsInterval: Double?

  package init() {}
}
