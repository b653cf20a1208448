public import BPFTypes

/// A module whose types an object may ask for.
public struct KernelModule: Sendable {
  public let name: String
  /// Reads its types, which continue the kernel's.
  let types: @Sendable () throws -> BTF

  public init(name: String, types: @escaping @Sendable () throws -> BTF) {
    self.name = name
    self.types = types
  }
}
