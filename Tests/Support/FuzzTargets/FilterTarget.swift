import BPFInstructions
import BPFInterpreter
import PacketFilter

/// Takes any bytes as a filter: an error that names a place in it, or a program that runs on frames to its end.
public func compileFilter(_ bytes: [UInt8]) {
  let expression = String(decoding: bytes.dropFirst(), as: UTF8.self)
  let linkHeader = FilterLinkHeader.allCases[Int(bytes.first ?? 0) % FilterLinkHeader.allCases.count]
  for isExact in [true, false] {
    do throws(FilterError) {
      let filter = try PacketFilter(
        expression, isExact: isExact, linkHeader: linkHeader, netmask: 0xffff_ff00, names: names)
      precondition(!filter.explanation.terms.isEmpty, "nothing is said")
      run(filter)
    } catch {
      precondition(error.range.upperBound <= expression.utf8.count, "the place is behind the end")
      _ = error.report
    }
  }
}

private let names = FilterNames(
  port: { $0 == "http" ? (80, .tcp) : $0 == "domain" ? (53, .both) : nil },
  addresses: { name in
    switch name {
    case "localhost": .success([[127, 0, 0, 1], [UInt8](repeating: 0, count: 15) + [1]])
    case "silent": .failure(FilterNames.Unanswered(reason: "nobody answers"))
    default: .success([])
    }
  },
  network: { $0 == "loopback" ? 127 : nil }, ethernet: { $0 == "router" ? [2, 0, 0, 0, 0, 1] : nil })

private let frames: [[UInt8]] = {
  let ethernet = [UInt8](repeating: 2, count: 12)
  let extended: [UInt8] =
    [0x60, 0, 0, 0, 0, 36, 60, 64] + [UInt8](repeating: 0x20, count: 32) + [51, 0, 1, 4, 0, 0, 0, 0]
  return [
    ethernet + [0x08, 0x00, 0x46, 0, 0, 60, 0, 1, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]
      + [UInt8](repeating: 1, count: 24),
    ethernet + [0x81, 0, 0, 5, 0x86, 0xdd] + extended + [6, 1] + [UInt8](repeating: 0, count: 30),
    Array(ethernet.prefix(9)),
  ]
}()

private func run(_ filter: PacketFilter) {
  let call = Instruction(opcode: Opcode.call, source: PseudoSource.call, immediate: 1)
  let program = InterpretedProgram(
    [.load(.word, .r3, .r1, 0), .load(.word, .r2, .r1, 4), .arithmetic(.subtract, .r2, .r3), call, .exit]
      + filter.instructions)
  var memory = ProgramMemory()
  var helpers = NoHelpers()
  for frame in frames {
    let result = try? unsafe program.run(
      on: frame.span.bytes, context: .xdp(XDPContext()), memory: &memory, helpers: &helpers)
    precondition(result == 0 || result == 1, "\(filter.expression) ends in no answer")
  }
}
