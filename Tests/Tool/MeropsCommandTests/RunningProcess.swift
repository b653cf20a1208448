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

  private let process = Process()
  private var startFailure: (any Error)?
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
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [program] + arguments
    let inherited = [
      "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TZ": "UTC", "HOME": "/root",
    ]
    process.environment = inherited.merging(environment) { $1 }
    process.currentDirectoryURL = directory
    process.standardInput = input ?? FileHandle.nullDevice
    process.standardOutput = try output ?? FileHandle(forWritingTo: standardOutput)
    process.standardError = try FileHandle(forWritingTo: standardError)
    // A child belongs to the namespace of the thread that starts it.
    try namespace.run { () throws(SystemCallError) in
      // The pool's threads that tests run on have signals blocked, and a child would inherit that.
      unblockSignals()
      do { try self.process.run() } catch { self.startFailure = error }
    }
    if let startFailure { throw startFailure }
  }

  deinit {
    if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    try? FileManager.default.removeItem(at: directory)
  }

  var pid: Int32 { process.processIdentifier }
  var output: String { (try? String(contentsOf: standardOutput, encoding: .utf8)) ?? "" }
  var errors: String { (try? String(contentsOf: standardError, encoding: .utf8)) ?? "" }
  var outputLines: [String] { output.split(separator: "\n").map(String.init) }

  func signal(_ number: Int32) { kill(process.processIdentifier, number) }

  /// Waits until standard error or standard output says something.
  func waitUntil(says text: String, seconds: Double = patience) throws {
    try waitUntil("\(text) is said", seconds: seconds) { self.errors.contains(text) || self.output.contains(text) }
  }

  func waitUntil(_ what: String, seconds: Double = patience, _ condition: () -> Bool) throws {
    let end = Date().addingTimeInterval(seconds)
    while !condition() {
      guard process.isRunning || condition(), Date() < end else {
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
    while process.isRunning {
      guard Date() < end else { throw Failure(description: "it does not end; standard error: \(errors)") }
      usleep(5000)
    }
    return process.terminationReason == .exit ? process.terminationStatus : 128 + process.terminationStatus
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
