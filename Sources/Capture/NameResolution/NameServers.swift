package import LinuxCalls

/// The name servers of resolv.conf(5), asked over UDP.
package struct NameServers: Sendable {
  package var servers: [Endpoint]
  /// What is put behind names that have fewer dots than `dotCount`.
  package var searchDomains: [String] = []
  package var dotCount = 1
  /// For one answer, in milliseconds, and how often each server is asked.
  package var timeout = 2000
  package var tries = 2

  package init(servers: [Endpoint]) { self.servers = servers }

  /// Those of this machine. Without the file its own one is asked, as other resolvers do.
  package static var configured: NameServers {
    NameServers(configuration: String(decoding: (try? contents(ofFile: "/etc/resolv.conf")) ?? [], as: UTF8.self))
  }

  /// Of `nameserver`, `search`, `domain` and `options ndots:` all else is passed over, as are addresses with a scope.
  package init(configuration: String) {
    let (serverLimit, domainLimit, port): (Int, Int, UInt16) = (3, 6, 53)
    servers = []
    for line in configuration.split(separator: "\n") {
      let words = line.split { $0 == " " || $0 == "\t" }
      guard let keyword = words.first else { continue }
      switch keyword {
      case "nameserver":
        guard words.count > 1, servers.count < serverLimit, let address = IPAddress(String(words[1])) else { continue }
        servers.append(Endpoint(address, port: port))
      case "search", "domain": searchDomains = words.dropFirst().prefix(domainLimit).map(String.init)
      case "options":
        for option in words where option.hasPrefix("ndots:") {
          dotCount = min(15, Int(option.dropFirst("ndots:".count)) ?? 1)
        }
      default: continue
      }
    }
    if servers.isEmpty, let address = IPAddress("127.0.0.1") { servers = [Endpoint(address, port: port)] }
  }

  /// All addresses of a host, of both families; none where there is no such name.
  ///
  /// Takes as long as `servers`, `tries` and `timeout` say for each family, at most; it ends at once when servers refuse.
  package func addresses(of name: String) throws(NameResolutionError) -> [IPAddress] {
    for name in candidates(for: name) {
      var found: [IPAddress] = []
      for type in DNSMessage.RecordType.allCases { found += try ask(name, type) }
      if !found.isEmpty { return found }
    }
    return []
  }

  /// As it is written, and with each domain behind it, the likelier one first.
  private func candidates(for name: String) -> [String] {
    guard !name.hasSuffix(".") else { return [name] }
    let searched = searchDomains.map { $0 == "." ? name : "\(name).\($0)" }
    return name.count(where: { $0 == "." }) >= dotCount ? [name] + searched : searched + [name]
  }

  private func ask(_ name: String, _ type: DNSMessage.RecordType) throws(NameResolutionError) -> [IPAddress] {
    guard let question = DNSMessage.question(name, type, id: UInt16.random(in: 0...UInt16.max)) else {
      throw NameResolutionError(name: name, reason: .noName)
    }
    var reasons: [NameResolutionError.Refusal] = []
    for _ in 0..<tries {
      for server in servers {
        let result = Result { () throws(SystemCallError) in try answer(question, type, from: server) }
        switch result {
        case .success(.addresses(let found)?): return found.compactMap { IPAddress(bytes: $0) }
        case .success(.truncated?): throw NameResolutionError(name: name, reason: .tooMany)
        case .success(.failure(let code)?): reasons.append(.init(server: server, text: "response code \(code)"))
        case .success(nil): reasons.append(.init(server: server, text: "no answer in \(timeout) ms"))
        case .failure(let error): reasons.append(.init(server: server, text: "\(error)"))
        }
      }
    }
    throw NameResolutionError(name: name, reason: .noAnswer(reasons))
  }

  /// - Returns: `nil` where none came in time, whatever else did.
  private func answer(
    _ question: [UInt8], _ type: DNSMessage.RecordType, from server: Endpoint
  ) throws(SystemCallError) -> DNSMessage.Answer? {
    let socket = try UDPSocket(to: server)
    try socket.send(question)
    let end = Clock.monotonic + UInt64(timeout) * 1_000_000
    while true {
      let now = Clock.monotonic
      guard now < end else { return nil }
      let message: [UInt8]
      do throws(SystemCallError) {
        message = try socket.receive(capacity: 4096, timeout: Int((end - now) / 1_000_000))
      } catch {
        if error.errno == .tryAgain { return nil }
        throw error
      }
      if let answer = DNSMessage.answer(message, to: question, type) { return answer }
    }
  }
}

/// Why nothing is known of a name.
package struct NameResolutionError: Error, Hashable, Sendable, CustomStringConvertible {
  package struct Refusal: Hashable, Sendable {
    let server: Endpoint
    let text: String
  }

  package enum Reason: Hashable, Sendable {
    /// What is written could not be asked for.
    case noName
    case noAnswer([Refusal])
    case tooMany
  }

  package let name: String
  package let reason: Reason

  package var description: String {
    switch reason {
    case .noName: "'\(name)' is no name that a name server could know"
    case .tooMany: "'\(name)' has more addresses than an answer holds; write those that are meant"
    case .noAnswer(let refusals):
      "no name server answers for '\(name)' (\(refusals.map { "\($0.server): \($0.text)" }.joined(separator: "; ")));"
        + " write the address, or put the name into /etc/hosts"
    }
  }
}
