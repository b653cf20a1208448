import ArgumentParser
import Glibc
import LinuxCalls

/// The command. Exit status: 0 done, 1 failed, 2 bad usage.
@main
struct Merops: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "merops",
    abstract: "Captures TCP/IP headers inside the kernel, and loads, inspects and runs BPF objects.",
    version: version,
    subcommands: [
      Capture.self, Connections.self, Flows.self, Demo.self, Inspect.self, Run.self, Features.self, List.self,
      MapCommand.self,
    ])

  static let version = "0.1.0"

  static func main() {
    // A closed pipe is an error of write(2), which ends a capture with its counters.
    signal(SIGPIPE, SIG_IGN)
    let arguments = Array(CommandLine.arguments.dropFirst())
    do {
      if Extcap.isMeant(by: arguments) { return try Extcap.parse(arguments).run() }
      try ArgumentHints.check(arguments)
      var command = try parseAsRoot(arguments)
      try command.run()
    } catch {
      finish(error)
    }
  }

  /// Help goes to standard output, everything else to standard error.
  private static func finish(_ error: any Error) -> Never {
    if let failure = error as? Failure {
      if !failure.report.isEmpty { StandardError.write("merops: \(failure.report)") }
      Glibc.exit(failure.isBadUsage ? 2 : 1)
    }
    let code = exitCode(for: error)
    let message = fullMessage(for: error)
    if code == .success {
      print(message)
      Glibc.exit(0)
    }
    StandardError.write(message)
    Glibc.exit(code == .validationFailure ? 2 : 1)
  }
}

/// A failure that has been put into words for the person at the terminal; empty where there is nothing to say.
struct Failure: Error {
  let report: String
  /// What was asked for makes no sense, so that nothing was tried.
  var isBadUsage = false
}

enum StandardError {
  /// Writes a message and a line's end; names in it may come from anywhere, so control characters are shown as `?`.
  static func write(_ message: String) {
    let bytes = message.utf8.map { $0 < 0x20 && $0 != UInt8(ascii: "\n") || $0 == 0x7f ? UInt8(ascii: "?") : $0 }
    // Nothing is left to tell anybody who has closed standard error.
    try? unsafe writeAll((bytes + [UInt8(ascii: "\n")]).span.bytes, to: STDERR_FILENO)
  }
}
