internal import BPFInterpreter
internal import BPFLoader
internal import BPFObjectFile
internal import BPFRelocation
internal import BPFRings
internal import CaptureEvents
internal import CaptureProgram
internal import LinuxCalls
internal import PacketFilter

/// The program of the capture, for packets from elsewhere: asked for each whether it takes it.
package final class FileProgram {
  /// Where it runs.
  package enum Place: Hashable, Sendable {
    /// In the kernel where that is allowed, else in the interpreter; there also before 5.18, which changed its code
    /// for each run of an XDP program (`bpf_prog_change_xdp()`), and has all CPUs wait for that.
    case best
    case kernel
    case interpreter
  }

  /// The filter's.
  let expression: String?
  private var kernel: InKernel?
  /// Made when the first packet needs it.
  private var interpreter: InInterpreter?
  private let spec: CaptureSpec
  /// A packet with another link header, as the program is given it.
  private var frame: [UInt8] = []

  init(_ filter: PacketFilter?, _ place: Place) throws {
    // No record is made, so that the least ring does.
    var spec = try CaptureSpec.interfaces(filter: filter, CaptureSpec.Transport())
    try spec.takeFromFile()
    self.spec = spec
    kernel = try Self.kernel(spec, place)
    expression = filter?.expression
  }

  private static func kernel(_ spec: CaptureSpec, _ place: Place) throws -> InKernel? {
    switch place {
    case .best:
      guard let kernel = try? InKernel(spec), kernel.isLight else { return nil }
      return kernel
    case .kernel: return try InKernel(spec)
    case .interpreter: return nil
    }
  }

  /// - Parameter wireLength: the whole packet, in bytes.
  func takes(_ packet: RawSpan, wireLength: Int, _ linkType: LinkType) throws -> Bool {
    guard linkType != .ethernet else { return try takes(packet, wireLength: wireLength) }
    // The program knows Ethernet, and gets a header of it with the type that the packet's own header says.
    let header = LinkHeader(packet, wireLength: wireLength, linkType: linkType)
    frame.removeAll(keepingCapacity: true)
    frame.append(contentsOf: repeatElement(0, count: 12))
    frame.append(UInt8(header.etherType >> 8))
    frame.append(UInt8(truncatingIfNeeded: header.etherType))
    let payload = packet.extracting(droppingFirst: min(header.payloadOffset, packet.byteCount))
    unsafe payload.withUnsafeBytes { unsafe frame.append(contentsOf: $0) }
    let whole = frame
    return try takes(unsafe whole.span.bytes, wireLength: wireLength)
  }

  private func takes(_ frame: RawSpan, wireLength: Int) throws -> Bool {
    if let taken = try kernel?.takes(frame, wireLength: wireLength) { return taken }
    if interpreter == nil { interpreter = try InInterpreter(spec) }
    return try interpreter?.takes(frame, wireLength: wireLength) ?? false
  }

  func counters() throws -> CaptureCounters {
    var counters = try interpreter?.counters() ?? CaptureCounters(.capture)
    if let more = try kernel?.counters() { counters += more }
    return counters
  }

  /// A word for where the packets went through.
  var place: String { kernel == nil ? "interpreter" : "test-run" }
}

private struct InInterpreter: ~Copyable {
  private var object: InterpretedObject
  private let program: InterpretedProgram
  private let length: ProgramAddress

  init(_ spec: CaptureSpec) throws {
    var spec = spec.object
    try spec.set(CaptureProgram.hasFragments, to: true)
    let object = try InterpretedObject(LoadPlan(spec))
    guard let program = object.programs[CaptureProgram.Names.capture.xdp],
      let variable = spec.variables.first(where: { $0.name == CaptureProgram.fileLength }),
      let values = object.maps[variable.map]?.values
    else { preconditionFailure("the program is not whole") }
    length = values.advanced(by: variable.offset)
    self.program = program
    self.object = object
  }

  mutating func takes(_ frame: RawSpan, wireLength: Int) throws -> Bool {
    try object.memory.write(UInt32(clamping: wireLength), at: length)
    return try program.run(on: frame, context: .xdp(XDPContext()), memory: &object.memory, helpers: &object.helpers)
      == CaptureProgram.pass
  }

  func counters() throws -> CaptureCounters {
    guard let values = object.maps[CaptureProgram.counters]?.values else {
      preconditionFailure("there are no counters")
    }
    return try CaptureCounters(
      .capture,
      perCPU: object.memory.withBytes(at: values, count: CaptureProgram.Counters.capture.byteCount) { bytes in
        unsafe bytes.withUnsafeBytes { unsafe Array($0) }
      })
  }
}

private struct InKernel: ~Copyable {
  private let programs: CapturePrograms
  private let program: Program
  private let length: SharedVariable
  /// Whether a run costs the others nothing.
  var isLight: Bool { programs.hasFragments }

  init(_ spec: CaptureSpec) throws {
    let programs = try CapturePrograms(spec, first: CaptureProgram.Names.capture.xdp)
    let program = try programs.program(CaptureProgram.Names.capture.xdp)
    let length = try programs.variable(CaptureProgram.fileLength)
    (self.programs, self.program) = (programs, program)
    self.length = length
  }

  /// - Returns: `nil` where the kernel runs no program on such a packet: shorter than an Ethernet header, or longer than an skb
  ///   takes in fragments (before 5.18: than a page has room for).
  mutating func takes(_ frame: RawSpan, wireLength: Int) throws -> Bool? {
    length.store(UInt32(clamping: wireLength))
    do throws(SystemCallError) {
      return try UInt64(BPF.testRun(program.descriptor, packet: frame)) == CaptureProgram.pass
    } catch {
      guard error.errno == .invalidArgument || error.errno == .outOfMemory else { throw error }
      return nil
    }
  }

  func counters() throws -> CaptureCounters { try CaptureCounts(map: programs.map(CaptureProgram.counters)).read() }
}
