/// What a frame is, decoded without the filter's own rules: for the kinds that the default meaning adds.
struct DecodedFrame {
  enum Kind: Hashable { case tagged, extensionHeaders, transportOverIPv6, laterFragment, cut, cutIPv6Header }
  private(set) var kinds: Set<Kind> = []

  init(_ bytes: [UInt8]) {
    func big(_ offset: Int) -> Int? {
      offset + 1 < bytes.count ? Int(bytes[offset]) << 8 | Int(bytes[offset + 1]) : nil
    }
    var place = 12
    while let type = big(place), [0x8100, 0x88a8, 0x9100].contains(type) {
      kinds.insert(.tagged)
      place += 4
    }
    guard let type = big(place) else {
      kinds.insert(.cut)
      return
    }
    let header = place + 2
    if type == 0x0800, header + 20 > bytes.count { kinds.insert(.cut) }
    if type == 0x0800, let fragment = big(header + 6), fragment & 0x1fff != 0 { kinds.insert(.laterFragment) }
    // An authentication header stands between IPv4 and what it carries, too.
    if type == 0x0800, header + 9 < bytes.count, bytes[header + 9] == 51 { kinds.insert(.extensionHeaders) }
    guard type == 0x86dd else { return }
    guard header + 40 <= bytes.count else {
      kinds.formUnion([.cut, .cutIPv6Header])
      return
    }
    var (next, end) = (bytes[header + 6], header + 40)
    while [0, 43, 44, 51, 60].contains(next) {
      kinds.insert(.extensionHeaders)
      guard end + 8 <= bytes.count else {
        kinds.insert(.cut)
        return
      }
      let length = next == 44 ? 8 : next == 51 ? (Int(bytes[end + 1]) + 2) * 4 : (Int(bytes[end + 1]) + 1) * 8
      (next, end) = (bytes[end], end + length)
    }
    if [6, 17, 132].contains(next) { kinds.insert(.transportOverIPv6) }
  }
}
