import BPFInstructions
import PacketFilter
import SeededRandom
import Testing

/// What holds of every program that a filter becomes.
@Suite struct FilterCompilerTests {
  private func instructions(_ expression: String, isExact: Bool = true) throws -> [Instruction] {
    try PacketFilter(expression, isExact: isExact).instructions
  }

  /// Ends with `exit`; jumps lead forward, to an instruction.
  private func isSound(_ code: [Instruction]) -> Bool {
    guard code.last?.opcode == Opcode.exit else { return false }
    return code.indices.allSatisfy { index in
      code[index].jumpTarget(from: index).map { $0 > index && $0 < code.count } ?? true
    }
  }

  @Test func sharedChecksAreDoneOnce() throws {
    let types = try instructions("tcp port 80 or tcp port 443").count { $0.opcode == 0x69 && $0.offset == 12 }
    #expect(types == 1)
    let one = try instructions("host 10.0.0.1").count
    let two = try instructions("host 10.0.0.1 or host 10.0.0.2").count
    // Each of four places is compared: where ARP has addresses, RARP has them, too.
    #expect(two - one == 4)
  }

  @Test func growsInLine() throws {
    func count(_ hosts: Int) throws -> Int {
      try instructions((0..<hosts).map { "host 10.0.\($0 / 256).\($0 % 256)" }.joined(separator: " or ")).count
    }
    let (few, many) = (try count(100), try count(1000))
    #expect(many <= 10 * few)
    #expect(try count(1) * 100 >= few)
  }

  /// A packet is compared with a few of a list's constants, however they are many.
  @Test(arguments: [10, 300, 3000]) func listsAreSearched(count: Int) throws {
    let filter = try PacketFilter((0..<count).map { "src port \($0 * 7)" }.joined(separator: " or "))
    let code = filter.instructions
    // The longest way is that of the last comparison.
    var steps = [Int](repeating: 0, count: code.count)
    for index in code.indices.dropLast() {
      let isUnconditional = code[index].opcode == 0x05
      if let target = code[index].jumpTarget(from: index) { steps[target] = max(steps[target], steps[index] + 1) }
      if code[index].opcode == Opcode.call {
        let target = index + 1 + Int(code[index].immediate)
        steps[target] = max(steps[target], steps[index] + 1)
      }
      if !isUnconditional, code[index].opcode != Opcode.exit {
        steps[index + 1] = max(steps[index + 1], steps[index] + 1)
      }
    }
    let one = try PacketFilter("src port 7").instructions.count
    #expect(steps.max() ?? 0 < one + 32)
  }

  @Test func longExpressionsAreTakenOrRefused() throws {
    // Alternating, which nests as deep as it is long where pairs are made.
    func alternating(_ count: Int) -> String { String(repeating: "ip and udp or ", count: count) + "tcp" }
    #expect(isSound(try instructions(alternating(4700))))
    // Two long terms that begin alike, for far longer than is followed.
    let alike = "(" + (0..<2000).map { "ip[8] != \($0)" }.joined(separator: " and ") + ")"
    #expect(isSound(try instructions(alike + " or " + alike)))
    let ports = (0..<4600).map { "udp src port \($0)" }.joined(separator: " or ")
    #expect(isSound(try instructions(ports)))
    let hosts = (0..<30000).map { "host 10.0.\($0 / 256).\($0 % 256)" }.joined(separator: " or ")
    let error = try #require(throws: FilterError.self) { _ = try instructions(hosts) }
    #expect(error.message.contains("further than jumps reach"))
  }

  @Test func whatNothingMatchesIsRefused() throws {
    for expression in [
      "ip and arp", "ip and not ip", "tcp and ip proto 17 and ip", "5 = 6", "ip and ip6",
    ] {
      #expect(throws: FilterError.self, "\(expression)") { _ = try instructions(expression) }
    }
  }

  @Test func constantsAreFolded() throws {
    #expect(try instructions("1 + 2 * 3 = 7") == [.move(.r0, constant: 1), .exit])
    #expect(try instructions("") == [.move(.r0, constant: 1), .exit])
    #expect(try instructions("not (ip and arp)").count < 12)
  }

  /// Words in any order, and letters in any: an error or a sound program, and never a trap.
  @Test func anyTextIsTakenOrRefused() {
    let words = [
      "tcp", "udp", "ip", "ip6", "ether", "host", "net", "port", "portrange", "src", "dst", "and", "or", "not", "(",
      ")", "[",
      "]", ":", "+", "-", "*", "/", "%", "&", "|", "^", "<<", ">>", "=", "!=", "<", ">", "1", "0", "4294967295",
      "10.0.0.1",
      "1:2:3:4:5:6", "2001:db8::1", "len", "vlan", "less", "proto", "\\tcp", "80-90", "broadcast", "mask", "tcpflags",
      "::", "0x",
    ]
    var random = SeededGenerator(seed: 7)
    for _ in 0..<20_000 {
      let expression = (0..<Int.random(in: 1...12, using: &random)).map { _ in words.randomElement(using: &random)! }
        .joined(separator: Bool.random(using: &random) ? " " : "")
      for isExact in [true, false] {
        guard let filter = try? PacketFilter(expression, isExact: isExact) else { continue }
        #expect(isSound(filter.instructions), "\(expression)")
      }
    }
    for _ in 0..<20_000 {
      let bytes = (0..<Int.random(in: 1...24, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
      let error = Result { () throws(FilterError) in try PacketFilter(String(decoding: bytes, as: UTF8.self)) }
      if case .failure(let error) = error { #expect(!error.report.isEmpty) }
    }
  }
}
