import Glibc
import LinuxCalls
import Synchronization

/// A name server on the loopback interface that says what a test wants to hear.
final class FakeNameServer: Sendable {
  let endpoint: Endpoint
  private let socket: CInt
  private let thread: Mutex<JoinableThread?>
  private let asked: Counter

  private final class Counter: Sendable {
    let value = Atomic(0)
  }

  /// How many questions have come.
  var questionCount: Int { asked.value.load(ordering: .relaxed) }

  /// - Parameter answers: for a question, the datagrams that come back.
  init(_ answers: @escaping @Sendable ([UInt8]) -> [[UInt8]]) throws {
    let socket = Glibc.socket(AF_INET, CInt(SOCK_DGRAM.rawValue), 0)
    let address = IPAddress("127.0.0.1")!
    let unbound = Endpoint(address, port: 0).socketAddress
    _ = unsafe unbound.withUnsafeBytes {
      unsafe bind(socket, $0.assumingMemoryBound(to: sockaddr.self).baseAddress, 16)
    }
    var own = [UInt8](repeating: 0, count: 16)
    var length: socklen_t = 16
    _ = unsafe own.withUnsafeMutableBytes {
      unsafe getsockname(socket, $0.assumingMemoryBound(to: sockaddr.self).baseAddress, &length)
    }
    endpoint = Endpoint(address, port: UInt16(own[2]) << 8 | UInt16(own[3]))
    self.socket = socket
    let asked = Counter()
    self.asked = asked
    thread = Mutex(
      try JoinableThread {
        while true {
          var (question, from) = ([UInt8](repeating: 0, count: 512), [UInt8](repeating: 0, count: 16))
          var length: socklen_t = 16
          let count = unsafe from.withUnsafeMutableBytes { from in
            unsafe recvfrom(
              socket, &question, question.count, 0, from.assumingMemoryBound(to: sockaddr.self).baseAddress, &length)
          }
          // Closing wakes nobody; an empty datagram, or the end of receiving, does.
          guard count > 0 else { return }
          asked.value.add(1, ordering: .relaxed)
          for answer in answers(Array(question.prefix(count))) {
            _ = unsafe from.withUnsafeBytes { from in
              unsafe sendto(
                socket, answer, answer.count, 0, from.assumingMemoryBound(to: sockaddr.self).baseAddress, length)
            }
          }
        }
      })
  }

  deinit {
    _ = shutdown(socket, CInt(SHUT_RDWR))
    thread.withLock { $0?.join() }
    close(socket)
  }
}

extension [UInt8] {
  /// 1 or 28, as the question has it.
  var questionType: UInt16 { UInt16(self[count - 4]) << 8 | UInt16(self[count - 3]) }

  /// The name that is asked for.
  var questionName: String {
    var labels: [String] = []
    var place = 12
    while place < count, self[place] != 0 {
      labels.append(String(decoding: self[place + 1...place + Int(self[place])], as: UTF8.self))
      place += 1 + Int(self[place])
    }
    return labels.joined(separator: ".")
  }

  /// The answer to this question.
  /// - Parameter records: names as they are encoded, types, and what the records hold.
  func answered(_ records: [(name: [UInt8], type: UInt16, data: [UInt8])], flags: UInt8 = 0, code: UInt8 = 0) -> [UInt8]
  {
    var bytes = self
    (bytes[2], bytes[3], bytes[7]) = (0x80 | flags, code, UInt8(records.count))
    for record in records {
      bytes += record.name + [0, UInt8(record.type), 0, 1, 0, 0, 0, 9]
      bytes += [UInt8(record.data.count >> 8), UInt8(record.data.count & 0xff)] + record.data
    }
    return bytes
  }
}
