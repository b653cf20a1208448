import ByteReading
import LinuxCalls
import PacketFilter

/// Names from this machine's files: those that they give to numbers: services(5), protocols(5), hosts(5), networks(5), ethers(5). No
/// name server is asked.
enum SystemNames {
  static var filterNames: FilterNames {
    FilterNames(
      port: port, protocolNumber: { protocolNumber($0) ?? FilterNames.protocols[$0] }, addresses: addresses,
      network: network, ethernet: ethernet)
  }

  /// The processor's name, as the kernel tells it on some architectures.
  static var processor: String? {
    let text = String(decoding: (try? contents(ofFile: "/proc/cpuinfo")) ?? [], as: UTF8.self)
    guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix("model name") }),
      let colon = line.firstIndex(of: ":")
    else { return nil }
    return String(line[line.index(after: colon)...].drop { $0 == " " })
  }

  /// The words of the lines of a file, without comments.
  private static func lines(of path: String) -> [[Substring]] {
    let text = String(decoding: (try? contents(ofFile: path)) ?? [], as: UTF8.self)
    return text.split(separator: "\n").map { line in
      line.prefix { $0 != "#" }.split { $0 == " " || $0 == "\t" }
    }
  }

  /// `http 80/tcp www`
  @Sendable private static func port(_ name: String) -> (number: UInt16, transport: FilterNames.Transport)? {
    var found: (number: UInt16, transport: FilterNames.Transport)?
    for words in lines(of: "/etc/services") where words.count > 1 && words.contains(name[...]) && words[1] != name[...]
    {
      let parts = words[1].split(separator: "/")
      guard parts.count == 2, let number = UInt16(parts[0]), parts[1] == "tcp" || parts[1] == "udp" else { continue }
      let transport: FilterNames.Transport = parts[1] == "tcp" ? .tcp : .udp
      guard let known = found else {
        found = (number, transport)
        continue
      }
      if known.number == number, known.transport != transport { found = (number, .both) }
    }
    return found
  }

  /// `tcp 6 TCP`
  @Sendable private static func protocolNumber(_ name: String) -> UInt8? {
    lines(of: "/etc/protocols").first { $0.count > 1 && ($0[0] == name[...] || $0[2...].contains(name[...])) }
      .flatMap { UInt8($0[1]) }
  }

  /// `127.0.0.1 localhost`
  @Sendable private static func addresses(_ name: String) -> [[UInt8]] {
    lines(of: "/etc/hosts").filter { $0.dropFirst().contains(name[...]) }.compactMap { IPAddress(String($0[0]))?.bytes }
  }

  /// `loopback 127.0.0.0`
  @Sendable private static func network(_ name: String) -> UInt32? {
    guard
      let words = lines(of: "/etc/networks").first(where: {
        $0.first == name[...] || $0.dropFirst(2).contains(name[...])
      }),
      words.count > 1
    else { return nil }
    let parts = words[1].split(separator: ".").map { UInt8($0) }
    guard (1...4).contains(parts.count), parts.allSatisfy({ $0 != nil }) else { return nil }
    // Without the bytes of the hosts.
    var number = parts.reduce(UInt32(0)) { $0 << 8 | UInt32($1 ?? 0) }
    while number != 0, number & 0xff == 0 { number >>= 8 }
    return number
  }

  /// `01:02:03:04:05:06 host`
  @Sendable private static func ethernet(_ name: String) -> [UInt8]? {
    lines(of: "/etc/ethers").first { $0.dropFirst().contains(name[...]) }.flatMap { words in
      let bytes = words[0].split(separator: ":").compactMap { UInt8($0, radix: 16) }
      return bytes.count == 6 ? bytes : nil
    }
  }
}
