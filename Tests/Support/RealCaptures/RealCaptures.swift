package import Foundation

/// Captures that others made, hostile ones among them: the files of tcpdump's own test suite. Tests/Captures/fetch gets
/// them; a suite that reads them is skipped where they are not.
///
///     @Suite(.enabled(if: RealCaptures.areThere, RealCaptures.absence))
package enum RealCaptures {
  /// What MEROPS_CAPTURES says, else where the script puts them.
  package static let directory: URL = {
    let environment = ProcessInfo.processInfo.environment
    if let path = environment["MEROPS_CAPTURES"], !path.isEmpty { return URL(filePath: path) }
    let cache =
      environment["XDG_CACHE_HOME"].flatMap { $0.isEmpty ? nil : $0 } ?? environment["HOME", default: ""] + "/.cache"
    return URL(filePath: cache).appending(path: "merops/captures/tcpdump-4.99.3")
  }()

  /// All of them, pcap and pcapng, by name.
  package static let files: [URL] = {
    let files = (try? FileManager.default.contentsOfDirectory(at: directory, includingPropertiesForKeys: nil)) ?? []
    return files.filter { ["pcap", "pcapng", "cap"].contains($0.pathExtension) }.sorted { $0.path < $1.path }
  }()

  package static var areThere: Bool { !files.isEmpty }
  package static let absence = "no captures in \(directory.path): run Tests/Captures/fetch, or set MEROPS_CAPTURES"
}
