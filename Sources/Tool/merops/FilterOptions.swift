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

  @Flag(
    help: "Say in words which packets the filter takes and which it cannot see, and end. Takes no privileges.")
  var explainFilter = false

  /// Whether the filter is printed, and nothing captured.
  var isShown: Bool { dump > 0 || explainFilter }

  /// `nil` without one, which is every packet.
  /// - Parameter netmask: of the network that packets come from, in host order.
  func packetFilter(
    linkHeader: FilterLinkHeader = .ethernet, netmask: UInt32?
  ) throws(Failure) -> PacketFilter? {
    guard !filter.isEmpty || isShown else { return nil }
    let expression = filter.joined(separator: " ")
    do throws(FilterError) {
      return try PacketFilter(
        expression, isExact: pcapExact, linkHeader: linkHeader, netmask: netmask, names: SystemNames.filterNames)
    } catch { throw Failure(report: error.report, isBadUsage: true) }
  }

  /// What `-d` and `--explain-filter` print.
  func shown(_ filter: PacketFilter) -> String {
    let parts =
      (explainFilter ? ["\(filter.explanation)"] : []) + (dump > 0 ? [Self.listing(filter, form: dump)] : [])
    return parts.joined(separator: "\n")
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
