import CaptureEvents
import CaptureFiles
import Foundation
import JudgePrograms
import PacketFilter
import RealCaptures
import Testing

/// Filters beside tcpdump's: the same packets of a file.
@Suite struct TcpdumpTests {
  /// The frames, each with its number as the time.
  private static func file(_ frames: [[UInt8]]) -> [UInt8] {
    var buffer = OutputBuffer()
    var writer = CaptureFileWriter(format: .pcapMicroseconds, interfaces: [CaptureInterface(linkType: .ethernet)])
    writer.beginFile(into: &buffer)
    for (number, frame) in frames.enumerated() {
      unsafe writer.write(
        frame.span.bytes, nanoseconds: Int64(number) * 1_000_000_000, originalLength: frame.count, into: &buffer)
    }
    return buffer.withBytes { bytes in unsafe bytes.withUnsafeBytes { unsafe Array($0) } }
  }

  private enum Verdict: Equatable {
    case takes(Set<Int>)
    case refuses(String)
  }

  private func tcpdump(_ expression: String, _ file: [UInt8], isOptimised: Bool = true) throws -> Verdict {
    let options = isOptimised ? [] : ["-O"]
    do {
      let answer = try Judge(program: "timeout").run(
        ["20", "tcpdump", "-r", "frames", "-w", "-"] + options + ["--", expression], files: ["frames": file])
      let bytes = [UInt8](answer.output)
      var reader = CaptureFileReader()
      var numbers: Set<Int> = []
      while case .packet(let packet) = try unsafe reader.next(in: bytes.span.bytes, at: 0, isLast: true) {
        numbers.insert(Int((packet.nanoseconds ?? -1) / 1_000_000_000))
      }
      return .takes(numbers)
    } catch let failure as Judge.Failure { return .refuses(failure.description) }
  }

  private func ours(_ expression: String, _ frames: [[UInt8]], isExact: Bool) -> Verdict {
    let filter: PacketFilter
    do throws(FilterError) {
      // As libpcap has it for files.
      filter = try PacketFilter(expression, isExact: isExact, netmask: 0, names: FilterParserTests.names)
    } catch { return .refuses(error.description) }
    do { return .takes(try filter.taken(of: frames)) } catch {
      Issue.record("\(expression): \(error)")
      return .takes([])
    }
  }

  /// What pcap-filter(7) has as examples, and what is easily mistaken.
  private static let expressions = [
    "host 0xa.0.0.1", "host 10.0.0.0256", "host 010.0.0.1", "net 010.1", "dst host 10.0.0.00000000000002", "port 0120",
    "host 10.0.0.1 and ( 10.0.0.2 or 192.168.1.1 )", "ip host 10.0.0.1 and not 10.0.0.2",
    "net 10.0.0.0/8 and not port 53",
    "ip and not net 127.0.0.0/8", "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0 and not src and dst net 10",
    "tcp port 80 and (((ip[2:2] - ((ip[0]&0xf)<<2)) - ((tcp[12]&0xf0)>>2)) != 0)", "ip[2:2] > 60",
    "ether[0] & 1 = 0 and ip[16] >= 224", "icmp[icmptype] != icmp-echo and icmp[icmptype] != icmp-echoreply",
    "vlan 100 and vlan 5", "vlan and vlan 3 and ip", "ip and vlan", "not vlan and ip", "ip6 and tcp", "ip6 proto 44",
    "port 80 or 443", "not port 80 and 443", "tcp or udp and ip", "src and dst port 80", "portrange 80-443",
    "greater 100 and less 150",
    "ip[0] & 0xf != 5", "ip[6:2] & 0x1fff = 0", "ip[8] < 5", "udp[4:2] = 20", "arp[6:2] = 1", "arp host 10.0.0.1",
    "icmp6[0] = 135",
    "ether proto 0x8100", "ether proto 38", "tcp[-1:1] = 0", "ip6[-2:2] = 0x86dd", "ip[ip[0] & 0xf:1] = 3", "5 = 5",
    "7 % 4 * 2 = 7",
    "ip[12:4] = 0x0a000001", "len = 60", "tcp[13] = 2 or tcp[13] = 0x12", "ip[9] / ip[10] = 1", "ip[1] << ip[0] = 0",
    "rarp", "ether src 1:2:3:4:5:6", "ip protochain \\tcp", "ip6 protochain 6", "protochain 17 and not udp",
    "ip broadcast",
  ]

  /// libpcap asks only of the left side which protocol it is.
  private static let ofRightSides = ["1 + tcp[0] = 1", "len - udp[4:2] = 34"]

  private static let seed = ProcessInfo.processInfo.environment["MEROPS_SEED"].flatMap { UInt64($0) } ?? 1
  private static let count = ProcessInfo.processInfo.environment["MEROPS_FILTER_COUNT"].flatMap { Int($0) } ?? 300

  /// How filters came out under `--pcap-exact`.
  private struct Tally {
    var (equal, refused, asUnoptimised, neverMatching, stricter, endless, cut) = (0, 0, 0, 0, 0, 0, 0)

    var text: String {
      "\(equal) filters take the same packets, \(refused) are refused by both, \(asUnoptimised) are as without pcap's"
        + " optimiser, \(neverMatching) match nothing, \(stricter) divide by 0, \(endless) never end with tcpdump, \(cut) take the first address"
        + " where the second is cut"
    }
  }

  private func compare(_ expressions: [String], _ frames: [[UInt8]]) throws -> Tally {
    let file = Self.file(frames)
    var tally = Tally()
    for expression in expressions {
      let (theirs, ours) = (try tcpdump(expression, file), ours(expression, frames, isExact: true))
      switch (theirs, ours) {
      case (.refuses(let why), _) where why.contains("status 124") && expression.contains("protochain"):
        tally.endless += 1
      case (.refuses, .refuses): tally.refused += 1
      case _ where theirs == ours: tally.equal += 1
      // Its optimiser reorders tests, so that a packet which is cut short can pass before what it lacks is asked for.
      case (.takes, .takes) where try tcpdump(expression, file, isOptimised: false) == ours: tally.asUnoptimised += 1
      // Of lists of IPv6 addresses all sources are compared before a destination is missed.
      case (.takes(let less), .takes(let more))
      where expression.contains("::") && less.isSubset(of: more)
        && more.subtracting(less).allSatisfy { DecodedFrame(frames[$0]).kinds.contains(.cutIPv6Header) }:
        tally.cut += 1
      // Neither sees of every filter that nothing can match it.
      case (.refuses(let why), .takes([])) where why.contains("rejects all packets"): tally.neverMatching += 1
      case (.takes([]), .refuses(let why)) where why.contains("no packet can match"): tally.neverMatching += 1
      // It looks for divisions by 0 only in what is left of an expression.
      case (.takes, .refuses(let why)) where why.contains("division by zero"): tally.stricter += 1
      default: Issue.record("\(expression): tcpdump \(theirs), ours \(ours)")
      }
    }
    return tally
  }

  @Test func exactFiltersTakeWhatTcpdumpTakes() throws {
    var source = RandomFrames(seed: Self.seed)
    var random = RandomExpressions(seed: Self.seed)
    let expressions = Self.expressions + Self.ofRightSides + (0..<Self.count).map { _ in random.next() }
    let tally = try compare(expressions, source.frames(300))
    print("seed \(Self.seed): \(tally.text)")
    #expect(tally.equal >= Self.count / 2)
  }

  @Test func listsTakeWhatTcpdumpTakes() throws {
    var source = RandomFrames(seed: Self.seed)
    var random = RandomLists(seed: Self.seed)
    let expressions = (0..<Self.count / 3).map { _ in random.expression() }
    let tally = try compare(expressions, source.frames(600))
    print("seed \(Self.seed): lists: \(tally.text)")
    #expect(tally.equal >= expressions.count * 3 / 4)
  }

  /// Frames that are whole have all bytes that are asked for, in whatever order.
  @Test(arguments: [true, false]) func aListTakesWhatItsTermsTake(isExact: Bool) throws {
    var source = RandomFrames(seed: Self.seed, areCut: false)
    let frames = source.frames(200)
    var random = RandomLists(seed: Self.seed)
    for _ in 0..<20 {
      let terms = random.terms(30)
      let taken = try terms.map { try PacketFilter($0, isExact: isExact).taken(of: frames) }
      let list = try PacketFilter(terms.joined(separator: " or "), isExact: isExact)
      #expect(try list.taken(of: frames) == taken.reduce([]) { $0.union($1) }, "\(list.expression)")
    }
  }

  // MARK: Real captures

  @Test(.enabled(if: RealCaptures.areThere, "\(RealCaptures.absence)"))
  func exactFiltersTakeOfRealCapturesWhatTcpdumpTakes() throws {
    let frames = try RealFrames.frames(perFile: 3, byteCount: 600)
    var random = RandomExpressions(seed: Self.seed)
    let expressions = Self.expressions + Self.ofRealCaptures + (0..<Self.count + 150).map { _ in random.next() }
    let tally = try compare(expressions, frames)
    print("seed \(Self.seed): \(frames.count) frames, \(tally.text)")
    #expect(tally.equal >= expressions.count * 3 / 4)
  }

  /// What the default meaning takes besides, or leaves out behind `not`, is of the kinds that it is documented for.
  @Test(arguments: RealCaptures.areThere ? [false, true] : [false])
  func theDefaultMeaningDiffersOnNamedKindsOnly(isReal: Bool) throws {
    var source = RandomFrames(seed: Self.seed)
    let frames = isReal ? try RealFrames.frames(perFile: 3, byteCount: 600) : source.frames(250)
    let decoded = frames.map { DecodedFrame($0).kinds }
    var random = RandomExpressions(seed: Self.seed, combinesAccesses: false)
    var (differing, count) = (Set<DecodedFrame.Kind>(), 0)
    for expression in Self.expressions + Self.ofRealCaptures + (0..<Self.count).map({ _ in random.next() }) {
      // What stands behind `vlan` libpcap looks for in other places of untagged frames, too.
      guard !expression.contains("vlan") || !["or", "||", "not", "!"].contains(where: expression.contains),
        case .takes(let exact) = ours(expression, frames, isExact: true),
        case .takes(let all) = ours(expression, frames, isExact: false)
      else { continue }
      count += 1
      for number in exact.symmetricDifference(all) {
        // Only a walk over headers goes on in the data of later fragments, with libpcap.
        let kinds = expression.contains("protochain") ? decoded[number] : decoded[number].subtracting([.laterFragment])
        differing.formUnion(kinds)
        if kinds.isEmpty {
          Issue.record("\(expression): \(frames[number])")
          break
        }
      }
    }
    #expect(count > Self.count / 2)
    #expect(differing.isSuperset(of: [.tagged, .transportOverIPv6]))
  }

  /// What those captures have.
  private static let ofRealCaptures = [
    "tcp port 179", "udp port 53", "udp port 500 or 4500", "port 22", "tcp[tcpflags] & tcp-rst != 0",
    "ip proto 89", "ip proto 47", "ip proto \\icmp", "ip6 proto 89", "ip proto 112", "igmp", "pim", "icmp6", "sctp",
    "icmp6[icmp6type] = icmp6-neighborsolicit", "icmp6[0] = 143", "icmp[icmptype] = icmp-unreach", "ip protochain 51",
    "ip6 protochain 58", "ip6 protochain 44", "protochain 17", "ip6 protochain 0", "ether proto 0x88cc",
    "ether proto 0x8863",
    "ether proto 0x42", "ether proto 0xfe", "ether proto 0xaa", "ether proto 0x9000", "ether multicast",
    "ether broadcast",
    "ip multicast", "ip6 multicast", "ip broadcast", "vlan", "vlan and ip", "vlan and vlan", "vlan 118",
    "vlan 1 and tcp",
    "net 10.0.0.0/8", "net 192.168.0.0/16", "net 172.16.0.0/12", "net 224.0.0.0/4", "dst net 224.0.0.0/24",
    "net fe80::/10", "dst net ff02::/16", "net 2001::/16", "arp[6:2] = 2", "arp", "rarp", "len > 1000", "less 64",
    "ip[6:2] & 0x3fff != 0", "ip[6] & 0x20 != 0", "ip[0] & 0xf > 5", "udp[4:2] != len - 34", "ip[8] = 1",
    "ip6[7] = 255",
    "tcp[12] >> 4 > 5", "tcp[2:2] = 646 or udp[2:2] = 646", "portrange 1-1023", "udp portrange 5000-6000",
    "not (tcp or udp or arp)", "ip and not tcp and not udp", "ip6 and not icmp6",
  ]

  @Test(arguments: [
    "tcp", "udp", "sctp", "icmp", "icmp6", "port 80", "tcp port 80 or 443", "host 10.0.0.1", "host 2001:db8::1",
    "net 10",
    "ip", "ip6", "arp", "ip proto 6", "ip6 proto 58", "proto 17", "tcp[tcpflags] & tcp-syn != 0", "udp[0:2] = 53",
    "icmp6[0] = 135",
    "vlan", "vlan 3", "vlan and vlan 5", "ether proto 0x8100", "ip6[7] = 64", "portrange 1-1000", "vlan 5 and tcp",
  ])
  func whatIsLookedThroughComesOnTop(expression: String) throws {
    var source = RandomFrames(seed: 3)
    let frames = source.frames(2000)
    guard case .takes(let exact) = ours(expression, frames, isExact: true),
      case .takes(let all) = ours(expression, frames, isExact: false)
    else {
      Issue.record("\(expression) is refused")
      return
    }
    func type(_ frame: [UInt8]) -> UInt16 { UInt16(frame[12]) << 8 | UInt16(frame[13]) }
    // Behind tags, or IPv6, whose extension headers are looked through and whose TCP can be accessed.
    for number in all.subtracting(exact) {
      #expect([0x8100, 0x88a8, 0x9100, 0x86dd].contains(type(frames[number])), "\(expression) \(frames[number])")
    }
    // Within a tag or extension header the packet ends.
    for number in exact.subtracting(all) {
      #expect(frames[number].count < 14 + 40 + 24, "\(expression) \(frames[number])")
    }
    #expect(!exact.isEmpty)
  }
}
