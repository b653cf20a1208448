package import BPFLoader
internal import LinuxCalls

/// The kernel's verifier gave a capture program up that has a filter: it is too large to be followed.
package struct FilterLoadError: Error, Hashable {
  /// Of the filter alone.
  package let instructionCount: Int
  package let cause: LoadError

  /// One line, for logs.
  package var description: String {
    "the filter is too large for the verifier of this kernel, \(kernelRelease()): it has \(instructionCount)"
      + " instructions (\(cause))"
  }

  /// With what the verifier said, and what to do next.
  package var report: String {
    let words = (cause.log?.limitLine).map { "\n  \($0)" } ?? ""
    return
      "\(description)\(words)\nAsk for networks in place of hosts (net 10.1.2.0/24) and for fewer terms, or capture"
      + " without the filter into a file and read that with it (-r FILE)."
  }
}

extension FilterLoadError: CustomStringConvertible {}
