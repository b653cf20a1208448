import Foundation
import PackagePlugin

/// Compiles each `*.bpf.c` of a folder below bpf/ and embeds the objects in a Swift module, as functions.
@main struct CompileBPF: BuildToolPlugin {
  /// Which module carries the programs of which folder.
  private static let folders = [
    "CaptureProgram": "bpf/capture", "ConnectionProgram": "bpf/connections", "FixturePrograms": "bpf/fixtures",
  ]

  func createBuildCommands(context: PluginContext, target: any Target) throws -> [Command] {
    guard let folder = Self.folders[target.name] else { return [] }
    let embed = try context.tool(named: "embed-bpf").url
    // The toolchain's own clang comes first, since its folder heads the search path.
    let names = ["clang"] + (14...30).reversed().map { "clang-\($0)" }
    let compilers = names.compactMap { try? context.tool(named: $0).url.path }
    let includes = context.package.directoryURL.appending(path: "bpf/include")
    let headers = try Self.files(in: includes, endingWith: ".h")
    return try Self.files(in: context.package.directoryURL.appending(path: folder), endingWith: ".bpf.c").map {
      source in
      let name = source.lastPathComponent.dropLast(".bpf.c".count)
      let output = context.pluginWorkDirectoryURL.appending(path: "\(name).bpf.swift")
      return .buildCommand(
        displayName: "Compiling BPF \(source.lastPathComponent)",
        executable: embed,
        arguments: [source.path, includes.path, output.path] + compilers,
        inputFiles: [source] + headers,
        outputFiles: [output])
    }
  }

  private static func files(in folder: URL, endingWith suffix: String) throws -> [URL] {
    try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
      .filter { $0.lastPathComponent.hasSuffix(suffix) }
      .sorted { $0.path < $1.path }
  }
}
