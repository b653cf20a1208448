package import BPFInstructions
import BPFObjectFile

/// Instructions in the kernel's notation, with the source line that each group of them comes from and what is known of
/// single ones. A two-slot instruction is one line, and the next one's number is higher by two.
package struct CodeListing {
  let instructions: [Instruction]
  /// By the index of the instruction.
  var lines: [Int: String] = [:]
  /// What stands for a number or a callee.
  var symbols: [Int: String] = [:]
  /// What is to be said of an instruction behind it.
  package var remarks: [Int: [String]] = [:]
  /// The functions that begin at an instruction.
  var functions: [Int: String] = [:]

  package init(instructions: [Instruction]) { self.instructions = instructions }

  /// A line an instruction.
  package var text: String { Self.text(rows) }

  /// An instruction, or what stands above it.
  struct Row: Encodable {
    let index: Int
    let function: String?
    let source: String?
    let instruction: String
    let remarks: [String]
  }

  var rows: [Row] {
    var rows: [Row] = []
    var index = 0
    while index < instructions.count {
      let instruction = instructions[index]
      let isWide = instruction.opcode == Opcode.loadImmediate64
      rows.append(
        Row(
          index: index, function: functions[index], source: lines[index],
          instruction: instruction.disassembly(
            second: isWide && index + 1 < instructions.count ? instructions[index + 1] : nil, symbol: symbols[index]),
          remarks: remarks[index] ?? []))
      index += isWide ? 2 : 1
    }
    return rows
  }

  static func text(_ rows: [Row]) -> String {
    let width = max(4, String(rows.last?.index ?? 0).count + 2)
    var (text, shown) = ("", "")
    for row in rows {
      if let function = row.function { text += "\(function):\n" }
      // A line often has several places, which differ in their columns only.
      if let source = row.source, source != shown {
        text += "  \(source)\n"
        shown = source
      }
      let number = String(row.index)
      text += String(repeating: " ", count: width - number.count) + number + ": " + row.instruction
      if !row.remarks.isEmpty { text += "  ; " + row.remarks.joined(separator: "; ") }
      text += "\n"
    }
    return text
  }
}
