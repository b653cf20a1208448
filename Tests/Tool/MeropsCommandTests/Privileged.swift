import Glibc
import Testing

/// Tests that change the kernel: one after the other, and only as root.
@Suite(.serialized, .tags(.privileged), .asRoot) enum Privileged {}

extension Tag {
  @Tag static var privileged: Self
}

struct AsRoot: SuiteTrait, TestTrait {
  var isRecursive: Bool { true }
  func prepare(for test: Test) async throws {
    if geteuid() != 0 { try Test.cancel("needs root: makes network namespaces and loads BPF programs") }
  }
}

extension Trait where Self == AsRoot {
  static var asRoot: AsRoot { AsRoot() }
}
