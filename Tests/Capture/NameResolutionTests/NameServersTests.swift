import Glibc
import LinuxCalls
import NameResolution
import Testing

@Suite struct NameServersTests {
  /// Where the question's name lies in the message.
  static let asked: [UInt8] = [0xc0, 12]

  private func resolver(_ servers: [FakeNameServer]) -> NameServers {
    var resolver = NameServers(servers: servers.map(\.endpoint))
    resolver.timeout = 100
    return resolver
  }

  /// Knows one host, which has two addresses of each family.
  private static func twoOfEach(_ question: [UInt8]) -> [[UInt8]] {
    guard question.questionName == "two.example" else { return [question.answered([], code: 3)] }
    let isIPv4 = question.questionType == 1
    let records = [UInt8(1), 2].map { last in
      (
        asked, question.questionType,
        isIPv4 ? [192, 0, 2, last] : [0x20, 1, 0xd, 0xb8] + [UInt8](repeating: 0, count: 11) + [last]
      )
    }
    return [question.answered(records)]
  }

  @Test func allAddressesOfBothFamilies() throws {
    let server = try FakeNameServer(Self.twoOfEach)
    let found = try resolver([server]).addresses(of: "two.example").map(\.description)
    #expect(found == ["192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2"])
    #expect(try resolver([server]).addresses(of: "two.example.").count == 4)
    #expect(try resolver([server]).addresses(of: "none.example").isEmpty)
  }

  @Test func domainsArePutBehindShortNames() throws {
    let server = try FakeNameServer(Self.twoOfEach)
    var resolver = resolver([server])
    #expect(try resolver.addresses(of: "two").isEmpty)
    resolver.searchDomains = ["other", "example"]
    #expect(try resolver.addresses(of: "two").count == 4)
    #expect(try resolver.addresses(of: "two.").isEmpty)
  }

  @Test func otherNamesAreFollowed() throws {
    let server = try FakeNameServer { question in
      let address: [UInt8] = question.questionType == 1 ? [192, 0, 2, 7] : []
      // `www` leads to `a`, `a` to `b`; the address comes first.
      let (a, b): ([UInt8], [UInt8]) = ([1, 0x61, 0], [1, 0x42, 0])
      return [question.answered([([1, 0x62, 0], 1, address), (Self.asked, 5, a), ([1, 0x41, 0], 5, b)])]
    }
    #expect(try resolver([server]).addresses(of: "www").map(\.description) == ["192.0.2.7"])
  }

  @Test func theNextServerIsAskedWhereOneIsSilentOrRefuses() throws {
    let silent = try FakeNameServer { _ in [] }
    let refusing = try FakeNameServer { [$0.answered([], code: 5)] }
    let server = try FakeNameServer(Self.twoOfEach)
    #expect(try resolver([silent, refusing, server]).addresses(of: "two.example").count == 4)
    #expect(silent.questionCount == 2 && refusing.questionCount == 2)

    let start = Clock.monotonic
    let error = try #require(throws: NameResolutionError.self) {
      _ = try resolver([silent, refusing]).addresses(of: "two.example")
    }
    #expect(error.description.contains("no answer in 100 ms") && error.description.contains("response code 5"))
    #expect(error.description.contains("/etc/hosts"))
    // Each twice, for the first family.
    #expect(silent.questionCount == 4 && refusing.questionCount == 4)
    #expect(Clock.monotonic - start < 2_000_000_000)
  }

  @Test func whereNobodyListensIsSaidAtOnce() throws {
    let endpoint: Endpoint
    do { endpoint = try FakeNameServer { _ in [] }.endpoint }
    let resolver = NameServers(servers: [endpoint])
    let start = Clock.monotonic
    let error = try #require(throws: NameResolutionError.self) { _ = try resolver.addresses(of: "two.example") }
    #expect(error.description.contains("ECONNREFUSED"))
    #expect(Clock.monotonic - start < 1_000_000_000)
  }

  /// What does not answer the question is passed over, and the time does not begin again.
  @Test func othersAnswersAreNotHeard() throws {
    let server = try FakeNameServer { question in
      let records: [(name: [UInt8], type: UInt16, data: [UInt8])] =
        question.questionType == 1 ? [(Self.asked, 1, [192, 0, 2, 1])] : []
      let right = question.answered(records)
      let forged: [(name: [UInt8], type: UInt16, data: [UInt8])] = [(Self.asked, 1, [6, 6, 6, 6])]
      var (wrongID, wrongName, noResponse) = (
        question.answered(forged), question.answered(forged), question.answered(forged)
      )
      wrongID[0] ^= 1
      wrongName[13] ^= 1
      noResponse[2] = 0
      return [wrongID, wrongName, noResponse, Array(wrongID.prefix(5)), right]
    }
    #expect(try resolver([server]).addresses(of: "two.example").map(\.description) == ["192.0.2.1"])

    let flood = try FakeNameServer { question in
      var wrong = question.answered([])
      wrong[0] ^= 1
      return [[UInt8]](repeating: wrong, count: 50)
    }
    #expect(throws: NameResolutionError.self) { _ = try resolver([flood]).addresses(of: "two.example") }
  }

  @Test func whatDoesNotFitIsNoAnswer() throws {
    let server = try FakeNameServer { [$0.answered([(Self.asked, 1, [192, 0, 2, 1])], flags: 2)] }
    let error = try #require(throws: NameResolutionError.self) {
      _ = try resolver([server]).addresses(of: "many.example")
    }
    #expect(error.description.contains("more addresses than an answer holds"))
  }

  @Test(arguments: ["", "a..b", ".", String(repeating: "a", count: 64), String(repeating: "abcdefg.", count: 40)])
  func whatIsNoNameIsNotAskedFor(name: String) throws {
    let error = try #require(throws: NameResolutionError.self) {
      _ = try NameServers(servers: []).addresses(of: name)
    }
    #expect(error.description.contains("is no name"))
  }

  @Test func theConfigurationIsRead() {
    let read = NameServers(
      configuration: """
        # comment
        search example.org  example.com
        nameserver 192.0.2.53
        nameserver\t2001:db8::53
        nameserver fe80::1%eth0
        nameserver nonsense
        nameserver
        options ndots:3 timeout:9 ndots:
        nameserver 192.0.2.54
        nameserver 192.0.2.55
        """)
    #expect(
      read.servers.map(\.description) == ["192.0.2.53:53", "[2001:db8::53]:53", "192.0.2.54:53"])
    #expect(read.searchDomains == ["example.org", "example.com"])
    #expect(NameServers(configuration: "").servers.map(\.description) == ["127.0.0.1:53"])
  }
}
