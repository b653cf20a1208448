public import BPFInstructions

/// A filter in the language of pcap-filter(7), as a function of eBPF for Ethernet frames.
public struct PacketFilter: Sendable {
  public let expression: String
  /// `int filter(struct xdp_md *context, u32 length)`: 1 for a packet that matches, else 0. The context begins with two
  /// numbers of 4 bytes that stand for the packet's start and its end.
  public var instructions: [Instruction] { code.instructions }
  package let code: FilterCode
  private let predicate: Predicate

  private let meaning: FilterMeaning
  private let parsed: FilterExpression?

  /// - Parameters:
  ///   - isExact: the meaning that libpcap gives it. Otherwise up to two VLAN tags and eight IPv6 extension headers are
  ///     looked through, and what is asked of TCP, UDP and SCTP is asked over IPv6, too.
  ///   - linkHeader: what frames had in the place of the Ethernet header that they are given with.
  ///   - netmask: of the interface, in host order, for `ip broadcast`, which is refused without. libpcap takes 0 for files.
  ///   - names: where the names in it come from.
  public init(
    _ expression: String, isExact: Bool = false, linkHeader: FilterLinkHeader = .ethernet, netmask: UInt32? = nil,
    names: FilterNames = FilterNames()
  ) throws(FilterError) {
    self.expression = expression
    parsed = try FilterParser.parse(expression)
    let meaning = FilterMeaning(
      expression, names.remembered, isExact: isExact, linkHeader: linkHeader, netmask: netmask)
    self.meaning = meaning
    // Tags are counted while it goes on.
    var progress = meaning
    let written = try parsed.map { (parsed) throws(FilterError) in try progress.predicate(parsed) } ?? .constant(true)
    predicate = written.gatheringAlternatives()
    code = try FilterCompiler.compile(predicate, of: expression, in: .packet)
  }

  /// How large a buffer of frames has to be so that all that the filter asks for fits, at most 32,000 bytes.
  /// - Parameter least: how large it is in any case.
  public func bufferRoom(least: Int = 512) -> Int {
    max(least, min(FilterNeeds(predicate).room, FilterFrame.largestRoom))
  }

  /// The same for frames that lie in a buffer: `int filter(u8 *frame, u32 captured, u32 length)`, of which the first
  /// `captured` bytes are there. What lies behind is taken for not captured.
  /// - Parameter room: the size of the buffer, in bytes: ``bufferRoom(least:)`` or more.
  package func code(forBufferOf room: Int) throws(FilterError) -> FilterCode {
    try FilterCompiler.compile(predicate, of: expression, in: .buffer(room: UInt32(clamping: room)))
  }

  /// In plain words: which packets it takes, and which kinds it cannot see.
  public var explanation: FilterExplanation { FilterExplanation(parsed, meaning) }
}
