import BPFInstructions
import LinuxCalls
import PacketFilter
import Testing

/// Filters in the kernel, by BPF_PROG_TEST_RUN.
@Suite struct KernelFilterTests {
  private static let (classifier, xdp): (UInt32, UInt32) = (3, 6)

  private static func load(
    _ program: [Instruction], type: UInt32, of filter: PacketFilter
  ) throws -> FileDescriptor {
    var attributes = BPF.ProgramAttributes()
    (attributes.type, attributes.license) = (type, "GPL")
    func attempt(logByteCount: Int) throws(BPF.LoadFailure) -> FileDescriptor {
      try unsafe BPF.loadProgram(
        attributes, name: "filter", instructions: program.span.bytes, btf: nil, functions: [UInt32]().span.bytes,
        lines: [UInt32]().span.bytes, logByteCount: logByteCount)
    }
    // A log that has no room for all that the verifier says is an error, too: it is asked for where there is one already.
    do { return try attempt(logByteCount: 0) } catch {
      do throws(BPF.LoadFailure) { return try attempt(logByteCount: 16 << 20 - 1) } catch let explained {
        throw Refusal(description: "\(filter.expression): \(error.error)\n\(explained.log.suffix(1000))")
      }
    }
  }

  /// A classifier that copies a packet into a buffer and has the filter look at it there.
  private static func buffered(_ filter: PacketFilter) throws -> FileDescriptor {
    let room = filter.bufferRoom()
    let instructions = try filter.code(forBufferOf: room).instructions
    var attributes = BPF.MapAttributes()
    let perCPUArray: UInt32 = 6
    (attributes.type, attributes.keySize, attributes.valueSize) = (perCPUArray, 4, UInt32(room))
    attributes.maxEntries = 1
    let buffer = try BPF.createMap(attributes, name: "buffer", btf: nil)
    func call(_ helper: Int32) -> Instruction { Instruction(opcode: Opcode.call, immediate: helper) }
    let program: [Instruction] =
      [
        .move(.r6, .r1), .move(.r1, constant: 0), .store(.word, .r10, -4, .r1), .move(.r2, .r10),
        .arithmetic(.add, .r2, constant: -4),
        Instruction(
          opcode: Opcode.loadImmediate64, destination: 1, source: PseudoSource.map, immediate: buffer.number),
        Instruction(opcode: 0), call(1), .jump(if: .r0, .notEqual, constant: 0, 2), .move(.r0, constant: 0), .exit,
        .move(.r7, .r0), .load(.word, .r8, .r6, 0), .move(.r9, .r8),
        .jump(if: .r9, .atMost, constant: UInt32(room), 1), .move(.r9, constant: UInt32(room)),
        .jump(if: .r9, .atLeast, constant: 1, 2), .move(.r0, constant: 0), .exit,
        .move(.r1, .r6), .move(.r2, constant: 0), .move(.r3, .r7), .move(.r4, .r9), call(26),
        .move(.r1, .r7), .move(.r2, .r9), .move(.r3, .r8),
        Instruction(opcode: Opcode.call, source: PseudoSource.call, immediate: 1), .exit,
      ] + instructions
    // The program keeps the buffer.
    return try load(program, type: classifier, of: filter)
  }

  /// With the verifier's words.
  private struct Refusal: Error, CustomStringConvertible { let description: String }

  private static func taken(of frames: [[UInt8]], by program: borrowing FileDescriptor) throws -> Set<Int> {
    var taken: Set<Int> = []
    for (number, frame) in frames.enumerated() where try unsafe BPF.testRun(program, packet: frame.span.bytes) == 1 {
      taken.insert(number)
    }
    return taken
  }

  enum LongList: CaseIterable {
    case hosts, hostsOfIPv6, networksOfIPv6, ethernetHosts, networks

    var expression: String {
      func text(_ number: Int) -> String { String(number, radix: 16) }
      let terms =
        switch self {
        case .hosts: (0..<5000).map { "host 10.\($0 >> 16).\($0 >> 8 & 255).\($0 & 255)" }
        case .hostsOfIPv6: (0..<1000).map { "host 2001:db8::\(text($0)):1" }
        case .networksOfIPv6: (0..<1000).map { "host 2001:db8:\(text($0 * 61))::\(text($0))" }
        case .ethernetHosts: (0..<1000).map { "ether host 2:0:0:0:\(text($0 >> 8)):\(text($0 & 255))" }
        case .networks: (0..<1000).map { "net 10.\($0 >> 8).\($0 & 255).0/24" }
        }
      return terms.joined(separator: " or ")
    }
  }

  @Test(
    .enabled(if: Capability.effective().contains(.sysAdmin), "loading programs takes root"),
    arguments: LongList.allCases, [true, false])
  func theRunningKernelTakesLongLists(list: LongList, isExact: Bool) throws {
    let filter = try PacketFilter(list.expression, isExact: isExact)
    _ = try Self.load(filter.program, type: Self.xdp, of: filter)
    _ = try Self.buffered(filter)
  }

  @Test(.enabled(if: Capability.effective().contains(.sysAdmin), "loading programs takes root"))
  func theRunningKernelTakesWhatTheInterpreterTakes() throws {
    // Before 5.11, programs and maps count against it.
    try? raiseMemoryLockLimit()
    var source = RandomFrames(seed: 5)
    let frames = source.frames(100)
    var random = RandomExpressions(seed: 5)
    let named = [
      "tcp port 80", "host 10.0.0.1 or 10.0.0.2 or 10.1.2.3", "tcp[tcpflags] & tcp-syn != 0", "ip6 proto 58",
      "vlan 3 and tcp",
      "ip[ip[0] & 0xf:1] = 3", "len > 60 and portrange 1-1000", "icmp6[0] = 135 or udp[0:2] = 53",
      "tcp[-1:1] = 0 or ip6[-2:2] = 0x86dd", "protochain 6", "ip6 protochain 44 and vlan",
      "ip protochain 51 or host 10.0.0.1",
    ]
    var count = 0
    var lists = RandomLists(seed: 5)
    let listed = (0..<20).map { _ in lists.expression() }
    for expression in named + listed + (0..<60).map({ _ in random.next() }) {
      for isExact in [true, false] {
        guard let filter = try? PacketFilter(expression, isExact: isExact, names: FilterParserTests.names) else {
          continue
        }
        let program = try Self.load(filter.program, type: Self.xdp, of: filter)
        let expected = try filter.taken(of: frames)
        #expect(try Self.taken(of: frames, by: program) == expected, "\(expression)")
        let classifier = try Self.buffered(filter)
        let taken = try Self.taken(of: frames.filter { $0.count >= 60 }, by: classifier)
        let numbers = frames.indices.filter { frames[$0].count >= 60 }
        #expect(Set(taken.map { numbers[$0] }) == expected.filter { frames[$0].count >= 60 }, "\(expression)")
        count += 1
      }
    }
    #expect(count > 60)
  }
}
