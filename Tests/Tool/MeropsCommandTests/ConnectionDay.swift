import DemoNetwork
import Foundation
import LinuxCalls
import RouteNetlink
import Testing

/// Connections of every kind, made by a program that says what it knows of them (Tests/Support/ConnectionDay).
enum ConnectionDay {
  typealias Object = [String: Any]

  static let program = URL(fileURLWithPath: Tool.path).deletingLastPathComponent()
    .appending(path: "connection-day").path

  static func inode(of namespace: borrowing NetworkNamespace) -> UInt64 {
    LinuxCalls.inode(ofFile: path(of: namespace)) ?? 0
  }

  private static func path(of namespace: borrowing NetworkNamespace) -> String {
    "/proc/\(getpid())/fd/\(namespace.descriptor.number)"
  }

  static func objects(_ text: String) throws -> [Object] {
    try text.split(separator: "\n").map {
      try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? Object)
    }
  }

  /// - Returns: what is known of each end.
  static func make(in network: borrowing DemoNetwork) throws -> [Object] {
    let day = try RunningProcess(program, ["day", path(of: network.server)], in: network.client)
    #expect(try day.wait(seconds: 3 * patience) == 0, "\(day.errors)")
    return try objects(day.output)
  }

  /// Twenty connections, in the client's namespace.
  static func makeTwenty(in network: borrowing DemoNetwork) throws -> String {
    let many = try RunningProcess(program, ["many", "20", "2000", "60"], in: network.client)
    #expect(try many.wait() == 0, "\(many.errors)")
    return many.output
  }

  /// A connection's end, as both name it.
  struct Place: Hashable {
    let local, remote: Int
    let direction: String

    init?(_ object: Object) {
      guard let local = object["local_port"] as? Int, let remote = object["remote_port"] as? Int,
        let direction = object["direction"] as? String
      else { return nil }
      (self.local, self.remote, self.direction) = (local, remote, direction)
    }
  }
}

/// A connection of this process over a namespace's loopback, which is accepted by nobody.
struct HeldConnection: ~Copyable {
  private let listener: TCPListener
  private let client: TCPConnection

  init(in namespace: borrowing NetworkNamespace) throws {
    let listener = try namespace.run { () throws(SystemCallError) in
      try TCPListener(on: Endpoint(IPAddress("127.0.0.1")!, port: 0), timeout: 5000)
    }
    let endpoint = listener.endpoint
    client = try namespace.run { () throws(SystemCallError) in try TCPConnection(to: endpoint, timeout: 5000) }
    self.listener = listener
  }

  /// The client's end first.
  consuming func close() {
    _ = consume client
    _ = consume listener
  }
}
