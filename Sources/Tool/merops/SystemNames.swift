import ByteReading
import LinuxCalls
import NameResolution
import PacketFilter

/// The names that this machine's files give to numbers, each file read once: services(5), protocols(5), hosts(5),
/// networks(5), ethers(5); and hosts that the name servers know.
struct SystemNames {
  private let services = lines(of: "/etc/services")
  private let protocols = lines(of: "/etc/protocols")
  private let hosts = lines(of: "/etc/hosts")
  private let networks = lines(of: "/etc/networks")
  private let ethers = lines(of: "/etc/ethers")

  /// Reads the files when a name is first asked for: most filters have none.
  static var filterNames: FilterNames {
    FilterNames(
      port: { known.port($0) }, protocolNumber: { known.protocolNumber($0) ?? FilterNames.protocols[$0] },
      addresses: { known.addresses($0) }, network: { known.network($0) }, ethernet: { known.ethernet($0) })
  }

  private static let known = SystemNames()

  /// The words of the lines of a file, without comments; none where it is not there.
  private static func lines(of path: String) -> [[Substring]] {
    let text = String(decoding: (try? contents(ofFile: path)) ?? [], as: UTF8.self)
    return text.split(separator: "\n").map { line in
      line.prefix { $0 != "#" }.split { $0 == " " || $0 == "\t" }
    }
  }

  /// `http 80/tcp www`
  private func port(_ name: String) -> (number: UInt16, transport: FilterNames.Transport)? {
    var found: (number: UInt16, transport: FilterNames.Transport)?
    for words in services where words.count > 1 && words.contains(name[...]) && words[1] != name[...] {
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
  private func protocolNumber(_ name: String) -> UInt8? {
    protocols.first { $0.count > 1 && ($0[0] == name[...] || $0[2...].contains(name[...])) }.flatMap { UInt8($0[1]) }
  }

  /// `127.0.0.1 localhost`; else what name servers say.
  private func addresses(_ name: String) -> Result<[[UInt8]], FilterNames.Unanswered> {
    let found = hosts.filter { $0.dropFirst().contains { $0.lowercased() == name.lowercased() } }
      .compactMap { IPAddress(String($0[0]))?.bytes }
    guard found.isEmpty else { return .success(found) }
    do throws(NameResolutionError) {
      return .success(try NameServers.configured.addresses(of: name).map(\.bytes))
    } catch { return .failure(FilterNames.Unanswered(reason: "\(error)")) }
  }

  /// `loopback 127.0.0.0`
  private func network(_ name: String) -> UInt32? {
    guard let words = networks.first(where: { $0.first == name[...] || $0.dropFirst(2).contains(name[...]) }),
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
  private func ethernet(_ name: String) -> [UInt8]? {
    ethers.first { $0.dropFirst().contains(name[...]) }.flatMap { words in
      let bytes = words[0].split(separator: ":").compactMap { UInt8($0, radix: 16) }
      return bytes.count == 6 ? bytes : nil
    }
  }
}
