internal import BPFInterpreter
internal import BPFObjectFile
internal import BPFRelocation
package import CaptureEvents
internal import CaptureFiles
internal import CaptureProgram
internal import Glibc
internal import LinuxCalls
package import PacketFilter

/// Packets of a capture file, which go through the program that would take them from an interface, run by our own
/// interpreter. It takes no privileges.
package struct FileCapture: ~Copyable {
  private let file: FileDescriptor
  /// For errors: a path, or what stands for standard input.
  package let name: String
  private var object: InterpretedObject
  private let program: InterpretedProgram
  private let limit: Int?
  private var deliveredCount: UInt64 = 0

  /// - Parameters:
  ///   - path: `-` for standard input.
  ///   - count: how many packets to deliver; `nil` for no limit.
  /// - Throws: `SystemCallError` where the file cannot be opened.
  package init(_ path: String, filter: PacketFilter?, count: Int?) throws {
    let opened = try FileDescriptor(opening: path == "-" ? "/dev/stdin" : path, flags: O_RDONLY)
    var spec = try CaptureSession.spec(filter: filter, hasFragments: true)
    // A packet's record is read before the next packet comes.
    if let ring = spec.mapIndex(CaptureProgram.ring) { spec.maps[ring].maxEntries = 1 << 16 }
    let interpreted = try InterpretedObject(LoadPlan(spec))
    guard let program = interpreted.programs[CaptureProgram.program] else { preconditionFailure("there is no program") }
    name = path == "-" ? "standard input" : path
    file = opened
    object = interpreted
    self.program = program
    limit = count
  }

  /// Hands all packets to an output; their times are since 1970.
  /// - Throws: `CaptureFileError` where the file cannot be read on: what came before has been handed out.
  package mutating func run(_ output: inout some CaptureOutput & ~Copyable) throws {
    var reader = CaptureFileReader()
    var window = CaptureFileWindow()
    var goesOn = true
    defer { _ = output.pause() }
    while goesOn {
      let step = try window.withBytes { bytes in
        let step = try reader.next(in: bytes, at: window.offset, isLast: window.isLast)
        if case .packet(let packet) = step {
          let linkType = reader.interfaces[packet.interface].linkType
          guard linkType == .ethernet else { throw FileCaptureError.linkType(linkType, packet: packet.number) }
          goesOn = try take(packet, bytes.extracting(packet.range), &output)
        }
        return step
      }
      switch step {
      case .packet, .statistics: break
      case .needsMore(let end):
        try window.slide(to: reader.position, through: end) { (buffer, start) throws(SystemCallError) in
          try file.read(into: &buffer, from: start)
        }
      case .end: goesOn = false
      }
    }
  }

  private mutating func take(
    _ packet: FilePacket, _ bytes: RawSpan, _ output: inout some CaptureOutput & ~Copyable
  ) throws -> Bool {
    var context = XDPContext()
    context.frameByteCount = Int(packet.originalLength)
    object.helpers.time = UInt64(max(0, packet.nanoseconds ?? 0))
    _ = try program.run(on: bytes, context: .xdp(context), memory: &object.memory, helpers: &object.helpers)
    var isTaken = true
    try object.drain(CaptureProgram.ring) { record in
      isTaken = output.packet(record)
      if isTaken { deliveredCount += 1 }
    }
    return isTaken && limit.map { deliveredCount < UInt64($0) } ?? true
  }

  /// What became of the packets so far.
  package func statistics(seconds: Double) throws -> CaptureStatistics {
    guard let values = object.maps[CaptureProgram.counters]?.values else {
      preconditionFailure("there are no counters")
    }
    let bytes = try object.memory.withBytes(at: values, count: CaptureProgram.Counters.byteCount) { bytes in
      unsafe bytes.withUnsafeBytes { unsafe Array($0) }
    }
    return CaptureStatistics(
      counters: try CaptureCounters(perCPU: bytes), pastCount: 0, notWritten: 0, seconds: seconds, via: "interpreter")
  }
}

package enum FileCaptureError: Error, CustomStringConvertible {
  case linkType(LinkType, packet: Int)

  package var description: String {
    switch self {
    case .linkType(let type, let packet): "packet \(packet) has \(type); only Ethernet can be read so far"
    }
  }
}
