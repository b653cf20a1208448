public import Foundation

/// The files of Tests/Golden.
public enum Golden {
  public static let directory = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Golden")

  /// The objects that libbpf's answer is there for, without `.bpf.o`.
  public static let names: [String] = {
    let files = (try? FileManager.default.contentsOfDirectory(atPath: directory.path)) ?? []
    return files.filter { $0.hasSuffix(".json") }.map { String($0.dropLast(5)) }.sorted()
  }()

  public static func path(_ file: String) -> String { directory.appending(path: file).path }
  public static func bytes(_ file: String) throws -> [UInt8] {
    Array(try Data(contentsOf: directory.appending(path: file)))
  }
  public static func text(_ file: String) throws -> String { String(decoding: try bytes(file), as: UTF8.self) }
}
