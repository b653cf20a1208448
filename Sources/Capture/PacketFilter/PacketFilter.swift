public import BPFInstructions

/// A filter in the language of pcap-filter(7), as a function of eBPF for Ethernet frames.
public struct PacketFilter: Sendable {
  public let expression: String
  /// `int filter(struct xdp_md *context, u32 length)`: 1 for a packet that matches, else 0. The context begins with two
  /// numbers of 4 bytes that stand for the packet's start and its end.
  public let instructions: [Instruction]

  /// - Parameters:
  ///   - isExact: the meaning that libpcap gives it. Otherwise up to two VLAN tags and eight IPv6 extension headers are
  ///     looked through, and what is asked of TCP, UDP and SCTP is asked over IPv6, too.
  ///   - names: where the names in it come from.
  public init(_ expression: String, isExact: Bool = false, names: FilterNames = FilterNames()) throws(FilterError) {
    self.expression = expression
    var meaning = FilterMeaning(expression, names, isExact: isExact)
    let parsed = try FilterParser.parse(expression)
    var predicate = Predicate.constant(true)
    if let parsed { predicate = try meaning.predicate(parsed) }
    instructions = try FilterCompiler.compile(predicate, of: expression)
  }
}
