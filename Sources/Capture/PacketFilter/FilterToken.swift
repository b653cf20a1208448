/// A word of a filter expression, with its place in bytes.
struct FilterToken: Hashable, Sendable {
  enum Kind: Hashable, Sendable {
    case keyword(FilterKeyword)
    case symbol(FilterSymbol)
    case number(UInt32)
    case ipv4(DottedNumber)
    /// Sixteen bytes.
    case ipv6([UInt8])
    /// Six bytes.
    case ethernet([UInt8])
    /// A name to be looked up.
    case name(String)
  }

  let kind: Kind
  let range: Range<Int>
}

/// An IPv4 address, or the beginning of one: `10.1` stands for 10.1.0.0. How many parts there are is how much of it counts.
struct DottedNumber: Hashable, Sendable {
  /// The address with zeros behind, in host order.
  let value: UInt32
  /// The bits that were written.
  let mask: UInt32

  /// - Parameter value: what was written, without zeros behind.
  init(value: UInt32, partCount: Int) {
    let missing = UInt32(8 * (4 - partCount))
    (self.value, mask) = (value << missing, .max << missing)
  }

  init(_ parts: [UInt32]) { self.init(value: parts.reduce(0) { $0 << 8 | $1 }, partCount: parts.count) }
}

enum FilterSymbol: Hashable, Sendable {
  case and, or, not, notEqual, equal, same, atLeast, atMost, less, greater, shiftLeft, shiftRight
  case open, close, openBracket, closeBracket, colon, plus, minus, times, divided, modulo, bitAnd, bitOr, bitXor

  /// - Returns: the longest one, and how many characters it has.
  static func beginning(_ first: UInt8, _ second: UInt8?) -> (FilterSymbol, length: Int)? {
    func isFollowed(by character: Unicode.Scalar) -> Bool { second == UInt8(ascii: character) }
    return switch Unicode.Scalar(first) {
    case "&": isFollowed(by: "&") ? (.and, 2) : (.bitAnd, 1)
    case "|": isFollowed(by: "|") ? (.or, 2) : (.bitOr, 1)
    case "!": isFollowed(by: "=") ? (.notEqual, 2) : (.not, 1)
    case "=": isFollowed(by: "=") ? (.equal, 2) : (.same, 1)
    case ">": isFollowed(by: "=") ? (.atLeast, 2) : isFollowed(by: ">") ? (.shiftRight, 2) : (.greater, 1)
    case "<": isFollowed(by: "=") ? (.atMost, 2) : isFollowed(by: "<") ? (.shiftLeft, 2) : (.less, 1)
    case "(": (.open, 1)
    case ")": (.close, 1)
    case "[": (.openBracket, 1)
    case "]": (.closeBracket, 1)
    case ":": (.colon, 1)
    case "+": (.plus, 1)
    case "-": (.minus, 1)
    case "*": (.times, 1)
    case "/": (.divided, 1)
    case "%": (.modulo, 1)
    case "^": (.bitXor, 1)
    default: nil
    }
  }
}

enum FilterKeyword: String, Hashable, Sendable, CaseIterable {
  case ether, link, ip, ip6, arp, rarp, tcp, udp, sctp, icmp, icmp6, igmp, igrp, pim, vrrp, carp, ah, esp
  case src, dst, host, net, mask, port, portrange, proto, protochain, gateway
  case broadcast, multicast, less, greater, vlan, len, inbound, outbound
  case and, or, not
  /// What pcap knows besides, on links or of protocols that are not followed here.
  case unsupported

  init?(word: String) {
    if let keyword = Self.words[word] {
      self = keyword
    } else if Self.others.contains(word) {
      self = .unsupported
    } else {
      return nil
    }
  }

  private static let words: [String: FilterKeyword] = {
    var words = Dictionary(uniqueKeysWithValues: allCases.map { ($0.rawValue, $0) })
    words[FilterKeyword.unsupported.rawValue] = nil
    words["length"] = .len
    return words
  }()

  private static let others: Set<String> = [
    "ppp", "slip", "fddi", "tr", "wlan", "atalk", "aarp", "decnet", "lat", "sca", "moprc", "mopdl", "iso", "esis",
    "es-is", "isis", "is-is", "l1", "l2", "iih", "lsp", "snp", "csnp", "psnp", "stp", "ipx", "netbeui", "radio", "type",
    "subtype", "dir", "direction", "address1", "addr1", "address2", "addr2", "address3", "addr3", "address4", "addr4",
    "ra", "ta", "byte", "ifindex", "ifname", "on", "rset", "ruleset", "rnum", "rulenum", "srnum", "subrulenum",
    "reason", "action", "mpls", "pppoed", "pppoes", "geneve", "lane", "llc", "metac", "bcc", "oam", "oamf4", "oamf4ec",
    "oamf4sc", "sc", "ilmic", "vpi", "vci", "connectmsg", "metaconnect", "fisu", "lssu", "lsu", "msu", "hfisu",
    "hlssu", "hmsu", "sio", "opc", "dpc", "sls", "hsio", "hopc", "hdpc", "hsls",
  ]

  /// Names that stand for numbers in byte accesses: offsets of fields, and their values.
  static let constants: [String: UInt32] = [
    "icmptype": 0, "icmpcode": 1, "icmp6type": 0, "icmp6code": 1, "tcpflags": 13,
    "icmp-echoreply": 0, "icmp-unreach": 3, "icmp-sourcequench": 4, "icmp-redirect": 5, "icmp-echo": 8,
    "icmp-routeradvert": 9, "icmp-routersolicit": 10, "icmp-timxceed": 11, "icmp-paramprob": 12, "icmp-tstamp": 13,
    "icmp-tstampreply": 14, "icmp-ireq": 15, "icmp-ireqreply": 16, "icmp-maskreq": 17, "icmp-maskreply": 18,
    "icmp6-destinationrunreach": 1, "icmp6-packettoobig": 2, "icmp6-timeexceeded": 3, "icmp6-parameterproblem": 4,
    "icmp6-echo": 128, "icmp6-echoreply": 129, "icmp6-multicastlistenerquery": 130,
    "icmp6-multicastlistenerreportv1": 131, "icmp6-multicastlistenerdone": 132, "icmp6-routersolicit": 133,
    "icmp6-routeradvert": 134, "icmp6-neighborsolicit": 135, "icmp6-neighboradvert": 136, "icmp6-redirect": 137,
    "icmp6-routerrenum": 138, "icmp6-nodeinformationquery": 139, "icmp6-nodeinformationresponse": 140,
    "icmp6-ineighbordiscoverysolicit": 141, "icmp6-ineighbordiscoveryadvert": 142,
    "icmp6-multicastlistenerreportv2": 143, "icmp6-homeagentdiscoveryrequest": 144,
    "icmp6-homeagentdiscoveryreply": 145, "icmp6-mobileprefixsolicit": 146, "icmp6-mobileprefixadvert": 147,
    "icmp6-certpathsolicit": 148, "icmp6-certpathadvert": 149, "icmp6-multicastrouteradvert": 151,
    "icmp6-multicastroutersolicit": 152, "icmp6-multicastrouterterm": 153,
    "tcp-fin": 1, "tcp-syn": 2, "tcp-rst": 4, "tcp-push": 8, "tcp-ack": 16, "tcp-urg": 32, "tcp-ece": 64,
    "tcp-cwr": 128,
  ]
}
