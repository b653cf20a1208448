import BPFLoader
import ELFReading
import Glibc
import LinuxCalls

/// An executable or library in which programs are attached.
struct UserFile: Sendable {
  /// Absolute.
  let path: String

  /// - Parameter name: a path; or the name of a library (`libc`, `libc.so.6`) or of an executable (`bash`), which is looked
  ///   for where the loader and a shell do, among files for this machine.
  init?(named name: String, environment: (String) -> String? = { unsafe getenv($0).map { unsafe String(cString: $0) } })
  {
    if name.contains("/") {
      path = name.hasPrefix("/") ? name : Self.workingFolder + "/" + name
      return
    }
    let own = Self.tables(of: "/proc/self/exe")
    func isOfThisMachine(_ path: String) -> Bool {
      guard let tables = Self.tables(of: path) else { return false }
      return tables.machine == own?.machine && tables.is64Bit == own?.is64Bit
    }
    let folders = Self.folders(environment("LD_LIBRARY_PATH")) + Self.libraryFolders
    for folder in folders {
      let names =
        name.contains(".so") ? [name] : Self.libraries(called: name, among: entries(ofDirectory: folder))
      if let found = names.map({ folder + "/" + $0 }).first(where: isOfThisMachine) {
        path = found
        return
      }
    }
    guard let found = Self.folders(environment("PATH")).map({ $0 + "/" + name }).first(where: isOfThisMachine) else {
      return nil
    }
    path = found
  }

  /// `libssl.so.3` before `libssl.so.1.1` before `libssl.so`, which may be a text for the linker.
  static func libraries(called name: String, among files: [String]) -> [String] {
    func version(_ file: String) -> [Int]? {
      guard file.hasPrefix(name + ".so") else { return nil }
      let parts = file.dropFirst(name.count + 3).split(separator: ".", omittingEmptySubsequences: false)
      let numbers = parts.dropFirst().compactMap { Int($0) }
      return parts.first.map { $0.isEmpty } ?? true && numbers.count == max(parts.count, 1) - 1 ? numbers : nil
    }
    return files.compactMap { file in version(file).map { (file, $0) } }
      .sorted { $1.1.lexicographicallyPrecedes($0.1) }.map(\.0)
  }

  private static func folders(_ list: String?) -> [String] {
    (list ?? "").split(separator: ":").filter { $0.hasPrefix("/") }.map(String.init)
  }

  private static let libraryFolders: [String] = {
    #if arch(x86_64)
      let machine = "x86_64-linux-gnu"
    #else
      let machine = "aarch64-linux-gnu"
    #endif
    return [
      "/usr/local/lib/\(machine)", "/lib/\(machine)", "/usr/lib/\(machine)", "/usr/local/lib64", "/lib64", "/usr/lib64",
      "/usr/local/lib", "/lib", "/usr/lib",
    ]
  }()

  private static var workingFolder: String {
    guard let path = unsafe getcwd(nil, 0) else { return "" }
    defer { unsafe free(path) }
    return unsafe String(cString: path)
  }

  private static func tables(of path: String) -> ELFTables? {
    guard let file = try? FileDescriptor(opening: path, flags: O_RDONLY), let count = try? file.byteCount() else {
      return nil
    }
    return try? ELFTables(byteCount: count) { (range) throws(ELFError) in try file.elfBytes(range) }
  }

  /// Reads its symbols.
  func symbols(_ place: AttachPlace) throws(AttachError) -> UserSymbols {
    try reading(place) { (byteCount, read) throws(ELFError) in try UserSymbols(byteCount: byteCount, read: read) }
  }

  /// Reads its probes.
  func probes(_ place: AttachPlace) throws(AttachError) -> (tables: ELFTables, probes: [USDTProbe]) {
    try reading(place) { (byteCount, read) throws(ELFError) in
      let tables = try ELFTables(byteCount: byteCount, read: read)
      return (tables, try USDTProbe.probes(in: tables, read: read))
    }
  }

  private func reading<Value>(
    _ place: AttachPlace, _ body: (_ byteCount: Int, ELFTables.Reader) throws(ELFError) -> Value
  ) throws(AttachError) -> Value {
    let reason: AttachError.Reason
    do throws(SystemCallError) {
      let file = try FileDescriptor(opening: path, flags: O_RDONLY)
      let count = try file.byteCount()
      let result = Result { () throws(ELFError) in
        try body(count) { (range) throws(ELFError) in try file.elfBytes(range) }
      }
      switch result {
      case .success(let value): return value
      case .failure(let error): reason = .noTarget("\(path) \(error)", hint: nil)
      }
    } catch { reason = .failed(error.call, error.errno) }
    throw AttachError(place: place, reason: reason)
  }
}

extension AttachPlace {
  /// The file that the caller names.
  func userFile(_ name: String) throws(AttachError) -> UserFile {
    guard let file = UserFile(named: name) else {
      throw AttachError(
        place: self,
        reason: .noTarget(
          "there is no library or executable \(name) for this machine", hint: "A path names one that lies elsewhere."))
    }
    return file
  }
}
