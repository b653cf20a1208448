package import Foundation

/// Another program that reads or writes the same things, to compare with. One that is missing fails the test that asks
/// for it.
package struct Judge: Sendable {
  package struct Failure: Error, CustomStringConvertible {
    package let description: String
  }

  /// What a program wrote.
  package struct Answer {
    package let output: Data
    package let errors: String

    package var text: String { String(decoding: output, as: UTF8.self) }
  }

  package let program: String

  package init(program: String) { self.program = program }

  package static let tcpdump = Judge(program: "tcpdump")
  package static let tshark = Judge(program: "tshark")

  /// Runs the program to its end, in a directory of its own.
  /// - Parameter files: what lies there, by name.
  package func run(
    _ arguments: [String], files: [String: [UInt8]], timeZone: String = "UTC"
  ) throws -> Answer {
    let directory = FileManager.default.temporaryDirectory.appending(path: "merops-judge-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    for (name, bytes) in files { try Data(bytes).write(to: directory.appending(path: name)) }
    let output = directory.appending(path: "judge-output")
    let errors = directory.appending(path: "judge-errors")
    for file in [output, errors] { try Data().write(to: file) }

    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [program] + arguments
    process.environment = ["TZ": timeZone, "PATH": "/usr/bin:/usr/sbin:/bin:/sbin", "HOME": directory.path]
    process.currentDirectoryURL = directory
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = try FileHandle(forWritingTo: output)
    process.standardError = try FileHandle(forWritingTo: errors)
    try process.run()
    process.waitUntilExit()
    let answer = Answer(
      output: try Data(contentsOf: output), errors: String(decoding: try Data(contentsOf: errors), as: UTF8.self))
    guard process.terminationStatus == 0 else {
      throw Failure(
        description: "\(program) ended with status \(process.terminationStatus); is it installed?\n\(answer.errors)")
    }
    return answer
  }
}
