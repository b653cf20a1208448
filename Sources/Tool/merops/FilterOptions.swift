import ArgumentParser
import BPFInstructions
import ObjectListing
import PacketFilter

/// Which packets are wanted.
struct FilterOptions: ParsableArguments {
  @Argument(help: "Which packets: a pcap-filter(7) expression, such as 'tcp port 443 and host 10.0.0.1'.")
  var filter: [String] = []
  @Flag(
    help: """
      Give the filter libpcap's meaning to the packet: no look behind VLAN tags and IPv6 extension headers, and tcp[...] \
      over IPv4 only.
      """)
  var pcapExact = false
  @Flag(
    name: .customShort("d"),
    help: "Print the filter's instructions and end; -dd as an array in C, -ddd as numbers. Takes no privileges.")
  var dump: Int

  /// `nil` without one, which is every packet.
  func packetFilter() throws(Failure) -> PacketFilter? {
    guard !filter.isEmpty || dump > 0 else { return nil }
    let expression = filter.joined(separator: " ")
    do throws(FilterError) {
      return try PacketFilter(expression, isExact: pcapExact, names: SystemNames.filterNames)
    } catch { throw Failure(report: error.report, isBadUsage: true) }
  }

  static func listing(_ filter: PacketFilter, form: Int) -> String {
    switch form {
    case 1:
      var code = CodeListing(instructions: filter.instructions)
      for (index, instruction) in filter.instructions.enumerated() {
        if let target = instruction.jumpTarget(from: index) { code.remarks[index] = ["\(target)"] }
      }
      return String(code.text.dropLast())
    case 2:
      return filter.instructions.map { instruction in
        "{ 0x\(String(instruction.opcode, radix: 16)), \(instruction.destination), \(instruction.source), "
          + "\(instruction.offset), \(instruction.immediate) },"
      }.joined(separator: "\n")
    default:
      let lines = filter.instructions.map { instruction in
        "\(instruction.opcode) \(instruction.destination) \(instruction.source) \(instruction.offset)"
          + " \(instruction.immediate)"
      }
      return (["\(lines.count)"] + lines).joined(separator: "\n")
    }
  }
}
