import BPFFeatures
import BPFLoader
import BPFRelocation
import LinuxCalls
import RouteNetlink

/// A program that is in the kernel now.
public struct ProgramEntry: Encodable, Hashable, Sendable {
  public let id: UInt32
  /// As `enum bpf_prog_type` names it, in lower case; a number where the kernel does not tell.
  public let type: String
  public let name: String
  /// A digest of its instructions, in hexadecimal.
  public let tag: String
  /// The function or tracepoint that it was loaded for.
  public let attachTarget: String?
  /// Seconds since it was loaded.
  public let age: Double
  public let uid: UInt32
  public let mapIds: [UInt32]
  public let btfId: UInt32?
  /// In bytes: what the verifier made of it, and the machine's code (0: it is interpreted).
  public let translated, jited: UInt32
  /// How many instructions the verifier looked at (5.16).
  public let verified: UInt32?
  /// Where kernel.bpf_stats_enabled is set.
  public let runs, runNanoseconds: UInt64?
  /// How often it was left out, since it had not come to its end on that CPU (5.12); `nil` for never.
  public let misses: UInt64?
  /// The processes that hold it or a link to it.
  public let holders: [Holder]
}

/// A map that is in the kernel now.
public struct MapEntry: Encodable, Hashable, Sendable {
  public let id: UInt32
  public let type: String
  public let name: String
  /// In bytes.
  public let keySize, valueSize: UInt32
  public let maxEntries, flags: UInt32
  public let holders: [Holder]
}

/// A link that is in the kernel now.
public struct LinkEntry: Encodable, Hashable, Sendable {
  public let id: UInt32
  public let type: String
  public let programId: UInt32
  public let programName: String?
  /// Where it is attached, in words, as far as the kernel tells.
  public let target: String?
  /// False once what it was attached to has gone.
  public let isAttached: Bool
  public let holders: [Holder]

  enum CodingKeys: String, CodingKey {
    case id, type, programId, programName, target, holders
    case isAttached = "attached"
  }
}

/// Types that are in the kernel now.
public struct TypesEntry: Encodable, Hashable, Sendable {
  public let id: UInt32
  /// `vmlinux` or a module's; empty for what came with a program.
  public let name: String
  /// In bytes.
  public let size: UInt32
  public let isKernel: Bool
  public let holders: [Holder]

  enum CodingKeys: String, CodingKey {
    case id, name, size, holders
    case isKernel = "kernel"
  }
}

/// A process that has something open.
public struct Holder: Encodable, Hashable, Sendable {
  public let pid: Int32
  public let command: String
}
