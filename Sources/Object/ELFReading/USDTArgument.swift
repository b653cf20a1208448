/// Where a USDT probe's argument is when the code comes by.
public struct USDTArgument: Hashable, Sendable {
  public enum Location: Hashable, Sendable {
    case constant(Int64)
    /// A register, by its place in `struct pt_regs` in bytes.
    case register(Int)
    /// In memory, so many bytes from where a register points.
    case memory(base: Int, offset: Int64)
    /// In memory, with a second register that is shifted left (x86).
    case indexed(base: Int, index: Int, shift: Int, offset: Int64)
  }

  /// 1, 2, 4 or 8.
  public let byteCount: Int
  public let isSigned: Bool
  public let location: Location

  package init(byteCount: Int, isSigned: Bool, location: Location) {
    self.byteCount = byteCount
    self.isSigned = isSigned
    self.location = location
  }
}

/// An argument whose place is given in a way that no program could follow.
public struct USDTArgumentError: Error, Hashable, Sendable {
  /// As the file has it: `4@symbol(%rip)`.
  public let argument: String
  public let reason: String
}

extension USDTArgumentError: CustomStringConvertible {
  public var description: String { "argument \(argument): \(reason)" }
}

/// How a machine's registers and operands are written; of both only the variants of 64 bits.
public enum USDTMachine: Hashable, Sendable, CaseIterable {
  case x86, arm64

  /// - Parameter number: `EM_*`.
  public init?(elfMachine number: UInt16) {
    switch number {
    case 62: self = .x86
    case 183: self = .arm64
    default: return nil
    }
  }
}

extension USDTArgument {
  /// Reads a note's arguments: `-4@%eax 8@-8(%rbp)`, `4@[sp, 12] 8@x0`. A size below 0 means a signed value.
  public static func arguments(
    _ text: String, machine: USDTMachine
  ) throws(USDTArgumentError) -> [USDTArgument] {
    var arguments: [USDTArgument] = []
    for word in words(of: text) {
      do throws(Unreadable) { arguments.append(try USDTArgument(word, machine)) } catch {
        throw USDTArgumentError(argument: String(word), reason: error.reason)
      }
    }
    return arguments
  }

  /// Operands of arm64 have blanks between brackets.
  private static func words(of text: String) -> [Substring] {
    var depth = 0
    return text.split { character in
      switch character {
      case "[", "(": depth += 1
      case "]", ")": depth -= 1
      default: break
      }
      return character == " " && depth <= 0
    }
  }

  private struct Unreadable: Error {
    let reason: String
    init(_ reason: String) { self.reason = reason }
  }

  private init(_ text: Substring, _ machine: USDTMachine) throws(Unreadable) {
    guard let at = text.firstIndex(of: "@") else { throw Unreadable("it has no size") }
    let size = text[..<at]
    if size.hasSuffix("f") { throw Unreadable("it is a floating-point number, whose registers programs do not get") }
    guard let bytes = Int(size), [1, 2, 4, 8].contains(bytes.magnitude) else {
      throw Unreadable("its size is none of 1, 2, 4 and 8 bytes")
    }
    byteCount = Int(bytes.magnitude)
    isSigned = bytes < 0
    let operand = text[text.index(after: at)...]
    location =
      switch machine {
      case .x86: try Self.locationOnX86(operand)
      case .arm64: try Self.locationOnARM(operand)
      }
  }

  /// `$5`, `%eax`, `-8(%rbp)`, `16(%rax,%rbx,8)`
  private static func locationOnX86(_ operand: Substring) throws(Unreadable) -> Location {
    if operand.hasPrefix("$") { return .constant(try number(operand.dropFirst())) }
    if operand.hasPrefix("%") { return .register(try x86Register(operand)) }
    guard let open = operand.firstIndex(of: "("), operand.hasSuffix(")") else {
      throw Unreadable("it is at an address that is known only when the file is loaded")
    }
    let parts = operand[operand.index(after: open)...].dropLast().split(
      separator: ",", omittingEmptySubsequences: false)
    let displacement = operand[..<open]
    if parts.contains("%rip") { throw Unreadable("it is relative to the instruction, which is another one by then") }
    let first = displacement.first ?? "0"
    guard first.isNumber || first == "-" || first == "+" else {
      throw Unreadable("it is relative to a symbol")
    }
    let offset = displacement.isEmpty ? 0 : try number(displacement)
    // Addresses are made of whole registers.
    func address(_ part: Substring) throws(Unreadable) -> Int {
      guard part.hasPrefix("%r"), part.last != "d", part.last != "w", part.last != "b" else {
        throw Unreadable("\(part.isEmpty ? "nothing" : part) is no register for addresses")
      }
      return try x86Register(part)
    }
    guard (1...3).contains(parts.count) else { throw Unreadable("it has an address of \(parts.count) parts") }
    let base = try address(parts[0])
    guard parts.count > 1 else { return .memory(base: base, offset: offset) }
    guard let shift = ["1": 0, "2": 1, "4": 2, "8": 3][parts.count > 2 ? parts[2] : "1"] else {
      throw Unreadable("\(parts[2]) is no scale")
    }
    return .indexed(base: base, index: try address(parts[1]), shift: shift, offset: offset)
  }

  /// `5`, `x0`, `w0`, `sp`, `[x0]`, `[sp, 12]`
  private static func locationOnARM(_ operand: Substring) throws(Unreadable) -> Location {
    guard operand.hasPrefix("[") else {
      if let first = operand.first, first.isNumber || first == "-" || first == "#" {
        return .constant(try number(operand.first == "#" ? operand.dropFirst() : operand))
      }
      return .register(try armRegister(operand, isAddress: false))
    }
    guard operand.hasSuffix("]") else { throw Unreadable("its address is changed on the way, or cut") }
    let parts = operand.dropFirst().dropLast().split(separator: ",").map { $0.drop { $0 == " " } }
    guard let base = parts.first, parts.count <= 2 else {
      throw Unreadable("it has an address of \(parts.count) parts")
    }
    guard parts.count == 2 else { return .memory(base: try armRegister(base, isAddress: true), offset: 0) }
    let offset = parts[1].first == "#" ? parts[1].dropFirst() : parts[1]
    return .memory(base: try armRegister(base, isAddress: true), offset: try number(offset))
  }

  private static func number(_ text: Substring) throws(Unreadable) -> Int64 {
    let isNegative = text.hasPrefix("-")
    let digits = isNegative || text.hasPrefix("+") ? text.dropFirst() : text
    let magnitude = digits.hasPrefix("0x") ? UInt64(digits.dropFirst(2), radix: 16) : UInt64(digits)
    guard let magnitude, digits.first != "+", digits.first != "-" else { throw Unreadable("\(text) is no number") }
    return Int64(bitPattern: isNegative ? 0 &- magnitude : magnitude)
  }

  /// The places of registers in `struct pt_regs`, each with the names of its 8, 4, 2 and 1 lowest bytes.
  private static let x86Registers: [String: Int] = {
    var places: [String: Int] = [:]
    let named: [(String, Int)] = [("a", 80), ("b", 40), ("c", 88), ("d", 96)]
    for (name, place) in named {
      for full in ["r\(name)x", "e\(name)x", "\(name)x", "\(name)l"] { places[full] = place }
    }
    for (name, place) in [("si", 104), ("di", 112), ("bp", 32), ("sp", 152)] {
      for full in ["r\(name)", "e\(name)", name, "\(name)l"] { places[full] = place }
    }
    for (index, place) in [72, 64, 56, 48, 24, 16, 8, 0].enumerated() {
      for suffix in ["", "d", "w", "b"] { places["r\(index + 8)\(suffix)"] = place }
    }
    return places
  }()

  private static func x86Register(_ text: Substring) throws(Unreadable) -> Int {
    guard text.hasPrefix("%"), let place = x86Registers[String(text.dropFirst())] else {
      throw Unreadable("\(text) is no register that programs get")
    }
    return place
  }

  /// `x0` to `x30`, their lower halves `w0` to `w30`, and `sp`, eight bytes each.
  private static func armRegister(_ text: Substring, isAddress: Bool) throws(Unreadable) -> Int {
    if text == "sp" { return 31 * 8 }
    guard text.first == "x" || text.first == "w" && !isAddress, let index = Int(text.dropFirst()),
      (0...30).contains(index), text.dropFirst() == "\(index)"
    else { throw Unreadable("\(text) is no register that programs get") }
    return index * 8
  }
}
