import BPFInstructions
import LinuxCalls
import PacketFilter
import Testing

/// Filters in the kernel, by BPF_PROG_TEST_RUN.
@Suite struct KernelFilterTests {
  private static func load(_ filter: PacketFilter) throws -> FileDescriptor {
    var attributes = BPF.ProgramAttributes()
    let xdp: UInt32 = 6
    (attributes.type, attributes.license) = (xdp, "GPL")
    let program = filter.program
    do throws(BPF.LoadFailure) {
      return try unsafe BPF.loadProgram(
        attributes, name: "filter", instructions: program.span.bytes, btf: nil, functions: [UInt32]().span.bytes,
        lines: [UInt32]().span.bytes, logByteCount: 1 << 20)
    } catch {
      throw Refusal(description: "\(filter.expression): \(error.error)\n\(error.log.suffix(1000))")
    }
  }

  /// With the verifier's words.
  private struct Refusal: Error, CustomStringConvertible { let description: String }

  @Test(.enabled(if: Capability.effective().contains(.sysAdmin), "loading programs takes root"))
  func theRunningKernelTakesWhatTheInterpreterTakes() throws {
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
    for expression in named + (0..<60).map({ _ in random.next() }) {
      for isExact in [true, false] {
        guard let filter = try? PacketFilter(expression, isExact: isExact, names: FilterParserTests.names) else {
          continue
        }
        let program = try Self.load(filter)
        var taken: Set<Int> = []
        for (number, frame) in frames.enumerated() where try unsafe BPF.testRun(program, packet: frame.span.bytes) == 1
        {
          taken.insert(number)
        }
        #expect(try taken == filter.taken(of: frames), "\(expression)")
        count += 1
      }
    }
    #expect(count > 60)
  }
}
