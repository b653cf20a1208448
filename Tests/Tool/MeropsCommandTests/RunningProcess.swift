import CSpawn
import Foundation
import LinuxCalls

/// How many seconds something may take that takes an instant: an emulated machine is slow.
let patience = 180.0

/// A program that runs while a test goes on, in a network namespace; killed when the test forgets it.
final class RunningProcess: @unchecked Sendable {
  // Sendable: used by one test, and by the thread that starts it, one after the other.
  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  let pid: pid_t
  /// As waitpid(2) told it; `nil` while the program runs.
  private var status: Int32?
  private let directory: URL
  private let standardOutput: URL
  private let standardError: URL

  /// - Parameters:
  ///   - program: a path, or a name that is looked for as a shell would.
  ///   - files: what lies in its working directory, by name.
  ///   - output: where standard output goes instead of a file that `output` reads.
  ///   - input: what standard input is instead of nothing.
  init(
    _ program: String, _ arguments: [String], in namespace: borrowing NetworkNamespace, output: FileHandle? = nil,
    input: FileHandle? = nil,
    environment: [String: String] = [:], files: [String: [UInt8]] = [:]
  ) throws {
    directory = FileManager.default.temporaryDirectory.appending(path: "merops-tests-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    standardOutput = directory.appending(path: "output")
    standardError = directory.appending(path: "error")
    for file in [standardOutput, standardError] { try Data().write(to: file) }
    for (name, bytes) in files { try Data(bytes).write(to: directory.appending(path: name)) }
    let inherited = [
      "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TZ": "UTC", "HOME": "/root",
    ]
    let all = inherited.merging(environment) { $1 }
    let outputFile = try output ?? FileHandle(forWritingTo: standardOutput)
    let errorFile = try FileHandle(forWritingTo: standardError)
    let input = try input ?? FileHandle(forReadingFrom: URL(fileURLWithPath: "/dev/null"))
    let descriptors = [input, outputFile, errorFile].map(\.fileDescriptor)
    let path = directory.path
    // A child belongs to the namespace of the thread that starts it.
    pid = try namespace.run { () throws(SystemCallError) in
      try Self.spawn(
        ["/usr/bin/env", program] + arguments, environment: all.map { "\($0)=\($1)" }, in: path, descriptors)
    }
    withExtendedLifetime((input, outputFile, errorFile)) {}
  }

  /// Not by Foundation, whose `Process` may miss the end of one that a thread started which has ended since.
  /// - Parameter descriptors: become 0, 1 and 2; the child has no others.
  private static func spawn(
    _ command: [String], environment: [String], in directory: String, _ descriptors: [Int32]
  ) throws(SystemCallError) -> pid_t {
    let strings = unsafe (command + environment).map { unsafe strdup($0) }
    defer { for number in unsafe strings.indices { unsafe free(strings[number]) } }
    let (words, variables) = unsafe (strings[..<command.count] + [nil], strings[command.count...] + [nil])
    let result = unsafe spawn_program(Array(words), Array(variables), directory, descriptors)
    guard result >= 0 else { throw SystemCallError(call: "posix_spawn \(command)", errno: Errno(rawValue: -result)) }
    return result
  }

  deinit {
    if isRunning {
      kill(pid, SIGKILL)
      waitpid(pid, nil, 0)
    }
    try? FileManager.default.removeItem(at: directory)
  }

  private var isRunning: Bool {
    guard status == nil else { return false }
    var status: Int32 = 0
    guard unsafe waitpid(pid, &status, WNOHANG) == pid else { return true }
    self.status = status
    return false
  }

  var output: String { (try? String(contentsOf: standardOutput, encoding: .utf8)) ?? "" }
  var errors: String { (try? String(contentsOf: standardError, encoding: .utf8)) ?? "" }
  var outputLines: [String] { output.split(separator: "\n").map(String.init) }

  func signal(_ number: Int32) { kill(pid, number) }

  /// Waits until standard error or standard output says something.
  func waitUntil(says text: String, seconds: Double = patience) throws {
    try waitUntil("\(text) is said", seconds: seconds) { self.errors.contains(text) || self.output.contains(text) }
  }

  func waitUntil(_ what: String, seconds: Double = patience, _ condition: () -> Bool) throws {
    let end = Date().addingTimeInterval(seconds)
    while !condition() {
      guard isRunning || condition(), Date() < end else {
        throw Failure(
          description: "waited in vain until \(what); standard error: \(errors); standard output: \(output)")
      }
      usleep(5000)
    }
  }

  /// Waits for the end. Returns the exit status, or 128 and the signal that ended it.
  @discardableResult
  func wait(seconds: Double = patience) throws -> Int32 {
    let end = Date().addingTimeInterval(seconds)
    while isRunning {
      guard Date() < end else { throw Failure(description: "it does not end; standard error: \(errors)") }
      usleep(5000)
    }
    let status = status ?? 0
    return status & 0x7f == 0 ? status >> 8 & 0xff : 128 + status & 0x7f
  }
}

/// The command under test: what the build made beside the tests.
enum Tool {
  static let path: String = {
    let tests = URL(
      fileURLWithPath: (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? "")
    return tests.deletingLastPathComponent().appending(path: "merops").path
  }()

  static func run(
    _ arguments: [String], in namespace: borrowing NetworkNamespace, output: FileHandle? = nil,
    input: FileHandle? = nil, environment: [String: String] = [:]
  ) throws -> RunningProcess {
    try RunningProcess(path, arguments, in: namespace, output: output, input: input, environment: environment)
  }

  /// Starts a capture and waits until it is attached.
  static func capture(
    _ arguments: [String], in namespace: borrowing NetworkNamespace, output: FileHandle? = nil
  ) throws -> RunningProcess {
    let process = try run(["capture"] + arguments, in: namespace, output: output)
    try process.waitUntil(says: "capturing packets")
    return process
  }
}
