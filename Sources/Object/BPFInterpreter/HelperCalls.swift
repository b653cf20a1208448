/// What programs find of the kernel's helper functions.
package protocol HelperCalls {
  /// Does what helper `number` (`BPF_FUNC_*`) does.
  /// - Returns: what the program gets in r0.
  mutating func call(
    _ number: Int32, _ arguments: HelperArguments, memory: inout ProgramMemory
  ) throws(HelperError) -> UInt64
}

/// r1 to r5 of a call.
package struct HelperArguments: Hashable, Sendable {
  package let first, second, third, fourth, fifth: UInt64
}

/// None at all.
package struct NoHelpers: HelperCalls {
  package init() {}
  package mutating func call(
    _ number: Int32, _ arguments: HelperArguments, memory: inout ProgramMemory
  ) throws(HelperError) -> UInt64 { throw .unknown }
}
