import Glibc

/// The two families of Internet addresses.
package enum AddressFamily: Hashable, Sendable, CaseIterable {
  case ipv4, ipv6

  /// `AF_INET` or `AF_INET6`, as addresses and rtnetlink messages carry it.
  package var number: CInt { self == .ipv4 ? AF_INET : AF_INET6 }
  /// How many bits an address has.
  package var bitCount: Int { self == .ipv4 ? 32 : 128 }
}

/// An IPv4 or IPv6 address.
package struct IPAddress: Hashable, Sendable {
  /// 4 or 16 bytes in network order.
  package let bytes: [UInt8]
  package var family: AddressFamily { bytes.count == 4 ? .ipv4 : .ipv6 }

  /// `nil` unless there are 4 or 16 of them.
  package init?(bytes: [UInt8]) {
    guard bytes.count == 4 || bytes.count == 16 else { return nil }
    self.bytes = bytes
  }
}

extension IPAddress: LosslessStringConvertible {
  /// Reads what inet_pton(3) reads: `192.0.2.1`, `2001:db8::1`.
  package init?(_ text: String) {
    for family in AddressFamily.allCases {
      var bytes = [UInt8](repeating: 0, count: family.bitCount / 8)
      if unsafe inet_pton(family.number, text, &bytes) == 1 {
        self.bytes = bytes
        return
      }
    }
    return nil
  }

  /// The address as inet_ntop(3) writes it, for IPv6 in the form of RFC 5952.
  package var description: String {
    var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    guard unsafe inet_ntop(family.number, bytes, &text, socklen_t(text.count)) != nil else { return "?" }
    return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
