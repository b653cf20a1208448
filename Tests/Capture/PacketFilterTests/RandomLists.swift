import SeededRandom

/// Long lists of alternatives, some of which frames of `RandomFrames` have.
struct RandomLists {
  private var random: SeededGenerator

  init(seed: UInt64) { random = SeededGenerator(seed: seed) }

  private mutating func number(_ range: Range<Int>) -> Int { Int.random(in: range, using: &random) }
  private mutating func one<Value>(_ values: [Value]) -> Value { values.randomElement(using: &random)! }

  /// All of one kind, or of some.
  mutating func terms(_ count: Int) -> [String] {
    let kinds = (0..<one([1, 1, 1, 2, 3])).map { _ in number(0..<8) }
    let direction = one(["", "", "", "src ", "dst ", "src and dst "])
    return (0..<count).map { _ in term(of: one(kinds), direction) }
  }

  private mutating func term(of kind: Int, _ direction: String) -> String {
    switch kind {
    case 0: "\(direction)host \(ipv4())"
    case 1: "ip6 \(direction)host \(ipv6())"
    case 2: "\(direction)net 10.\(number(0..<40)).\(number(0..<3)).0/24"
    case 3: one(["", "tcp ", "udp "]) + "\(direction)port \(port())"
    case 4: "\(direction)net \(one(["2001:db8", "fe80:0", "2001:db9"])):\(number(0..<3))::/48"
    case 5: "ether \(direction == "src and dst " ? "" : direction)host \(ethernet())"
    case 6: one(["ip proto ", "ip6 proto ", "proto "]) + "\(number(0..<256))"
    default: "\(one(["tcp", "udp"]))[\(one([0, 2])):2] = \(port())"
    }
  }

  private mutating func ipv4() -> String {
    let address =
      number(0..<10) < 1
      ? one(RandomFrames.ipv4) : [10, number(0..<3), number(0..<4), number(3..<256)].map { UInt8($0) }
    return address.map { String($0) }.joined(separator: ".")
  }

  private mutating func ipv6() -> String {
    one(["2001:db8::", "fe80::", "ff02::", "2001:db8:1::", "::"]) + String(number(1..<300), radix: 16)
  }

  private mutating func port() -> Int { number(0..<10) < 1 ? one([20, 53, 80, 443, 123, 8080]) : number(1000..<2000) }

  private mutating func ethernet() -> String {
    number(0..<10) < 1 ? one(["2:0:0:0:0:1", "1:2:3:4:5:6"]) : "2:0:0:0:\(number(0..<3)):\(number(2..<100))"
  }

  /// A list, and perhaps what it is put into.
  mutating func expression() -> String {
    let terms = terms(one([2, 3, 5, 9, 20, 100, 300]))
    let list = terms.joined(separator: one([" or ", " || "]))
    return switch number(0..<7) {
    case 6: terms.map { "not \($0)" }.joined(separator: " and ")
    case 0: "not (\(list))"
    case 1: "(\(list)) and \(one(["tcp", "ip", "not udp", "len > 60", "ip6"]))"
    case 2: "\(one(["ip", "ip6", "not arp", "vlan", "port 80"])) and (\(list))"
    case 3: "\(one(["icmp", "vlan", "arp", "ip[8] = 1"])) or \(list)"
    default: list
    }
  }
}
