import Glibc
import LinuxCalls
import RouteNetlink

/// Frames that no socket sends: built byte by byte and sent from the client's end of the veth pair.
struct Frame {
  var bytes: [UInt8]

  /// An Ethernet header to everybody, tags, and the packet.
  init(tags: [(protocol: UInt16, tag: UInt16)] = [], ethertype: UInt16, _ packet: [UInt8]) {
    bytes = [UInt8](repeating: 0xff, count: 6) + [2, 0, 0, 0, 0, 1]
    for tag in tags { bytes += Self.big(tag.protocol) + Self.big(tag.tag) }
    bytes += Self.big(ethertype) + packet
  }

  static func big(_ value: UInt16) -> [UInt8] { [UInt8(value >> 8), UInt8(truncatingIfNeeded: value)] }

  static func tcp(
    from source: UInt16, to destination: UInt16 = 9, flags: UInt8 = 0x02, dataOffset: UInt8? = nil,
    options: [UInt8] = [], payload: [UInt8] = []
  ) -> [UInt8] {
    let words = dataOffset ?? UInt8(5 + options.count / 4)
    return big(source) + big(destination) + [0, 0, 0, 1, 0, 0, 0, 0, words << 4, flags] + big(512) + [0, 0, 0, 0]
      + options + payload
  }

  static func ipv4(
    _ payload: [UInt8], protocol number: UInt8 = 6, headerWords: UInt8? = nil, totalLength: Int? = nil,
    fragment: UInt16 = 0x4000, options: [UInt8] = []
  ) -> [UInt8] {
    let words = headerWords ?? UInt8(5 + options.count / 4)
    var header = [0x40 | words, 0] + big(UInt16(totalLength ?? 20 + options.count + payload.count)) + [0, 1]
    header += big(fragment) + [64, number, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2] + options
    var sum = stride(from: 0, to: header.count, by: 2).reduce(UInt32(0)) {
      $0 + UInt32(header[$1]) << 8 + UInt32(header[$1 + 1])
    }
    while sum >> 16 != 0 { sum = sum & 0xffff + sum >> 16 }
    header.replaceSubrange(10..<12, with: big(~UInt16(sum)))
    return header + payload
  }

  static func ipv6(_ payload: [UInt8], next: UInt8 = 6) -> [UInt8] {
    let prefix: [UInt8] = [0x20, 0x01, 0x0d, 0xb8] + [UInt8](repeating: 0, count: 11)
    return [0x60, 0, 0, 0] + big(UInt16(payload.count)) + [next, 64] + prefix + [1] + prefix + [2] + payload
  }

  /// All that the capture program has to find its way through, each from a source port of its own.
  static let all: [(name: String, frame: Frame)] = {
    let mss: [UInt8] = [2, 4, 5, 0xb4]
    // Hop by hop, then destination options, routing and a first fragment.
    let extensions: [UInt8] =
      [60, 0, 1, 4, 0, 0, 0, 0] + [43, 0, 1, 4, 0, 0, 0, 0] + [44, 0, 4, 0, 0, 0, 0, 0] + [6, 0, 0, 1, 0, 0, 0, 7]
    return [
      ("untagged", Frame(ethertype: 0x0800, ipv4(tcp(from: 1001, options: mss)))),
      ("IPv4 options", Frame(ethertype: 0x0800, ipv4(tcp(from: 1002), options: [1, 1, 1, 0]))),
      ("most TCP options", Frame(ethertype: 0x0800, ipv4(tcp(from: 1003, options: [UInt8](repeating: 1, count: 40))))),
      ("VLAN", Frame(tags: [(0x8100, 10)], ethertype: 0x0800, ipv4(tcp(from: 1004)))),
      ("VLAN IPv6", Frame(tags: [(0x8100, 0x6007)], ethertype: 0x86dd, ipv6(tcp(from: 1005)))),
      ("QinQ", Frame(tags: [(0x88a8, 20), (0x8100, 10)], ethertype: 0x0800, ipv4(tcp(from: 1006)))),
      ("VLAN in VLAN", Frame(tags: [(0x8100, 21), (0x8100, 11)], ethertype: 0x0800, ipv4(tcp(from: 1007)))),
      ("IPv6 extensions", Frame(ethertype: 0x86dd, ipv6(extensions + tcp(from: 1008), next: 0))),
      ("later fragment", Frame(ethertype: 0x0800, ipv4([UInt8](repeating: 7, count: 32), fragment: 0x0010))),
      ("later IPv6 fragment", Frame(ethertype: 0x86dd, ipv6([6, 0, 0, 16, 0, 0, 0, 9] + tcp(from: 1009), next: 44))),
      ("data offset too small", Frame(ethertype: 0x0800, ipv4(tcp(from: 1010, dataOffset: 4)))),
      ("option of length 0", Frame(ethertype: 0x0800, ipv4(tcp(from: 1011, options: [8, 0, 0, 0])))),
      ("IP length beyond the frame", Frame(ethertype: 0x0800, ipv4(tcp(from: 1012), totalLength: 1000))),
      ("header length too small", Frame(ethertype: 0x0800, ipv4(tcp(from: 1013), headerWords: 4))),
      ("cut in the TCP header", Frame(ethertype: 0x0800, ipv4(Array(tcp(from: 1014).prefix(12)), totalLength: 40))),
      ("push with data", Frame(ethertype: 0x0800, ipv4(tcp(from: 1015, flags: 0x18, payload: [1, 2, 3])))),
      ("odd flags", Frame(ethertype: 0x0800, ipv4(tcp(from: 1016, flags: 0xff)))),
    ]
  }()

  /// Sends frames from an interface of a namespace.
  static func send(
    _ frames: [Frame], from interface: String, in namespace: borrowing NetworkNamespace
  ) throws {
    try namespace.run { () throws(NetlinkError) in
      guard let interface = try RouteSocket().interface(named: interface) else {
        throw NetlinkError(attempt: "find \(interface)", errno: .noSuchDevice)
      }
      do throws(SystemCallError) {
        let socket = try PacketSocket(sendingFrom: interface.index)
        for frame in frames {
          // The other end takes 256 frames until it has looked at them. One too many is dropped, and the sender told.
          let end = ContinuousClock.now + .seconds(patience)
          while true {
            do throws(SystemCallError) {
              try socket.send(frame.bytes)
              break
            } catch {
              guard error.errno == .noBuffers, ContinuousClock.now < end else { throw error }
              usleep(1000)
            }
          }
        }
      } catch { throw NetlinkError(error) }
    }
  }
}
