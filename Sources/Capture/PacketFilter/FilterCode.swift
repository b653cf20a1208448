public import BPFInstructions

/// A filter's instructions.
public struct FilterCode: Sendable {
  /// The filter's function, and behind it the one that it calls for long lists, if there is one: whole as they stand.
  public let instructions: [Instruction]
  /// Where the other function begins: `int (u32 list, u32 first, u32 second, u32 third, u32 fourth)`.
  package let listStart: Int?
  /// The instructions that call it.
  package let listCalls: [Int]
}
