internal import BPFInterpreter
internal import BPFRelocation
package import CaptureEvents
internal import CaptureFiles
internal import CaptureProgram
internal import Glibc
internal import LinuxCalls
package import PacketFilter

/// Packets of a capture file, which go through the program that would take them from an interface: in the kernel
/// (BPF_PROG_TEST_RUN), or run by our own interpreter, which takes no privileges.
package struct FileCapture: ~Copyable {
  private let file: FileDescriptor
  /// For errors: a path, or what stands for standard input.
  package let name: String
  private let filter: (FilterLinkHeader) throws -> PacketFilter?
  /// One for each kind of link that has come up, since a filter's words mean something else there, or nothing.
  private var programs: [FilterLinkHeader: FileProgram] = [:]
  private let place: FileProgram.Place
  private var reader = CaptureFileReader()
  private var window = CaptureFileWindow()
  /// What came first.
  private var first: CaptureFileReader.Step?
  private let snapLength: Int?
  private let limit: Int?
  private var deliveredCount: UInt64 = 0
  private var notWritten: UInt64 = 0
  /// How many interfaces the output knows, and how many of them are of sections before the present one.
  private var (announced, before, section) = (0, 0, 0)

  /// - Parameters:
  ///   - path: `-` for standard input.
  ///   - filter: made for the link headers of the file's packets; `nil` for all packets.
  ///   - snapLength: how many bytes of each packet to hand out; `nil` for all.
  ///   - count: how many packets to deliver; `nil` for no limit.
  /// - Throws: `SystemCallError` where the file cannot be opened.
  package init(
    _ path: String, snapLength: Int? = nil, count: Int?, place: FileProgram.Place = .best,
    filter: @escaping (FilterLinkHeader) throws -> PacketFilter?
  ) throws {
    let opened = try FileDescriptor(opening: path == "-" ? "/dev/stdin" : path, flags: O_RDONLY)
    name = path == "-" ? "standard input" : path
    file = opened
    self.filter = filter
    self.place = place
    self.snapLength = snapLength
    limit = count
  }

  /// Reads up to the first packet, and makes the filter for its link.
  /// - Throws: `CaptureFileError` where there is no file of packets; what `filter` throws.
  package mutating func prepare() throws {
    var step = try next()
    while case .needsMore(let end) = step {
      try readOn(through: end)
      step = try next()
    }
    first = step
    // A filter that is none is an error also where there is nothing to filter.
    var linkType = reader.interfaces.first?.linkType ?? .ethernet
    if case .packet(let packet) = step { linkType = reader.interfaces[packet.interface].linkType }
    _ = try program(for: linkType)
  }

  /// Hands all packets to an output.
  /// - Throws: `CaptureFileError` where the file cannot be read on: what came before has been handed out; what `filter`
  ///   throws.
  package mutating func run(_ output: inout some CaptureOutput & ~Copyable) throws {
    if first == nil { try prepare() }
    defer {
      _ = output.pause()
      deliveredCount -= output.notWrittenCount
      notWritten += output.notWrittenCount
    }
    while true {
      switch try first.take() ?? next() {
      case .statistics: continue
      case .packet(let packet):
        try announce(to: &output)
        guard try take(packet, &output) else { return }
      case .needsMore(let end):
        // Whoever writes into a pipe may take a long time for the next packets.
        guard output.pause() else { return }
        try readOn(through: end)
      case .end: return
      }
    }
  }

  private mutating func next() throws -> CaptureFileReader.Step {
    try window.withBytes { try reader.next(in: $0, at: window.offset, isLast: window.isLast) }
  }

  private mutating func readOn(through end: Int) throws {
    try window.slide(to: reader.position, through: end) { (buffer, start) throws(SystemCallError) in
      try file.read(into: &buffer, from: start)
    }
  }

  private mutating func program(for linkType: LinkType) throws -> FileProgram {
    let link = FilterLinkHeader(linkType)
    if let program = programs[link] { return program }
    let program = try FileProgram(filter(link), place)
    programs[link] = program
    return program
  }

  private mutating func announce(to output: inout some CaptureOutput & ~Copyable) throws {
    if reader.sectionNumber != section { (section, before) = (reader.sectionNumber, announced) }
    while announced < before + reader.interfaces.count {
      var interface = reader.interfaces[announced - before]
      if interface.linkType.isUnderstood, let filter = try program(for: interface.linkType).expression {
        interface.filter = interface.filter.map { "(\($0)) and (\(filter))" } ?? filter
      }
      if let snapLength { interface.snapLength = UInt32(clamping: snapLength) }
      output.interface(interface)
      announced += 1
    }
  }

  /// Returns whether to go on.
  private mutating func take(_ packet: FilePacket, _ output: inout some CaptureOutput & ~Copyable) throws -> Bool {
    let linkType = reader.interfaces[packet.interface].linkType
    guard linkType.isUnderstood else { throw FileCaptureError.linkType(linkType, packet: packet.number) }
    let program = try program(for: linkType)
    let arrival = PacketArrival(
      nanoseconds: packet.nanoseconds ?? 0, interface: UInt32(before + packet.interface),
      direction: packet.direction, linkType: linkType)
    let snapLength = snapLength ?? .max
    let isTaken: Bool? = try window.withBytes { window in
      let bytes = window.extracting(packet.range)
      guard try program.takes(bytes, wireLength: packet.originalLength, linkType) else { return nil }
      return output.packet(
        bytes.extracting(first: min(snapLength, bytes.byteCount)), wireLength: packet.originalLength, arrival)
    }
    guard let isTaken else { return true }
    guard isTaken else {
      notWritten += 1
      return false
    }
    deliveredCount += 1
    return limit.map { deliveredCount < UInt64($0) } ?? true
  }

  /// What became of the packets so far.
  package func statistics(seconds: Double) throws -> CaptureStatistics {
    var counters = CaptureCounters(.capture)
    for program in programs.values { counters += try program.counters() }
    return CaptureStatistics(
      counters: counters, pastCount: 0, notWritten: notWritten, seconds: seconds,
      via: programs.values.first?.place ?? "interpreter")
  }
}

extension FilterLinkHeader {
  init(_ linkType: LinkType) {
    switch linkType {
    case .ethernet: self = .ethernet
    case .linuxSLL, .linuxSLL2: self = .cooked
    case .ipv4: self = .ipv4
    case .ipv6: self = .ipv6
    default: self = .ip
    }
  }
}

package enum FileCaptureError: Error, CustomStringConvertible {
  case linkType(LinkType, packet: Int)

  package var description: String {
    switch self {
    case .linkType(let type, let packet): "packet \(packet) has \(type), which is not understood"
    }
  }
}
