/// What the verifier wrote about a program, and the few lines of it that tell why it refused.
///
/// The log follows the verifier's way through the program: `; C source` lines (since 6.10 with ` @ file:line`), the
/// instructions below them, the state of registers, and at the end what was wrong, followed by statistics.
public struct VerifierLog: Hashable, Sendable {
  public let text: String

  public init(text: String) { self.text = text }

  /// The last C source line, the last instruction under it, and what the verifier said of it.
  public var decisiveLines: [String] {
    var lines = text.split(whereSeparator: \.isNewline).map(String.init)
    while let last = lines.last, Self.isStatistics(last) { lines.removeLast() }
    // What is neither source nor instruction nor state at the end is the verdict.
    var verdict: [String] = []
    while let last = lines.last, !Self.isSource(last), !Self.isInstruction(last), !Self.isState(last), verdict.count < 4
    {
      verdict.insert(last, at: 0)
      lines.removeLast()
    }
    let source = lines.last(where: Self.isSource)
    let instruction = lines.last(where: Self.isInstruction)
    return [source, instruction.map(Self.withoutState)].compactMap { $0 } + verdict
  }

  /// Where the verifier says that it will not follow the program any further: `BPF program is too large. Processed 1000001
  /// insn` (E2BIG), `The sequence of 8193 jumps is too complex.` (EFAULT, ENOMEM or E2BIG, as the kernel's version has it).
  package var limitLine: String? {
    decisiveLines.last { $0.contains("too complex") || $0.contains("program is too large") }
  }

  /// The last instruction that the verifier looked at, counted from the program's start.
  public var lastInstruction: Int? {
    let line = text.split(whereSeparator: \.isNewline).last { Self.isInstruction(String($0)) }
    return line.flatMap { Int($0.prefix { $0 != ":" }) }
  }

  private static func isSource(_ line: String) -> Bool { line.hasPrefix("; ") }

  /// `12: (79) r1 = *(u64 *)(r1 +0)`
  private static func isInstruction(_ line: String) -> Bool {
    guard let colon = line.utf8.firstIndex(of: UInt8(ascii: ":")) else { return false }
    return line.utf8[..<colon].allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
      && line.utf8[colon...].starts(with: ": (".utf8)
  }

  /// `12: R0=... R10=fp0`, `from 12 to 15: ...`, and the way back that marks registers precise.
  private static func isState(_ line: String) -> Bool {
    line.hasPrefix("from ") || line.hasPrefix("mark_precise") || line.hasPrefix("last_idx")
      || line.hasPrefix("regs=") || line.hasPrefix("parent ") || line.contains(": R") || line.contains(" R10=fp")
  }

  private static func isStatistics(_ line: String) -> Bool {
    line.hasPrefix("processed ") || line.hasPrefix("verification time ") || line.hasPrefix("stack depth ")
      || line.hasPrefix("max_states_per_insn ") || line.hasPrefix("insns processed")
  }

  /// Newer kernels write the registers behind the instruction, after a semicolon.
  private static func withoutState(_ line: String) -> String {
    var rest = line[...]
    if let semicolon = line.firstIndex(of: ";") { rest = line[..<semicolon] }
    while rest.last == " " { rest.removeLast() }
    return String(rest)
  }
}
