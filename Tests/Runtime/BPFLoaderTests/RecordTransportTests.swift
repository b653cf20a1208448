import BPFLoader
import CaptureProgram
import LinuxCalls
import Merops
import Testing

/// What is loaded where a kernel has no ring buffer; no kernel is asked.
@Suite struct RecordTransportTests {
  private static func refusal(of type: MapType) -> LoadError {
    LoadError(
      .createMap(MapSpec(name: "records", type: type, keySize: 0, valueSize: 0, maxEntries: 4096)),
      SystemCallError(call: "bpf(BPF_MAP_CREATE)", errno: .invalidArgument))
  }

  /// Loads for a kernel that refuses maps of a type. Returns what was asked for, and the answer.
  private func load(
    _ transport: RecordTransport, refused: MapType
  ) -> (asked: [Bool], answer: Result<Bool, any Error>) {
    var asked: [Bool] = []
    let answer = Result {
      try transport.load { usesPerfEvents in
        asked.append(usesPerfEvents)
        if (usesPerfEvents ? MapType.perfEventArray : .ringBuffer) == refused { throw Self.refusal(of: refused) }
      }.usesPerfEvents
    }
    return (asked, answer)
  }

  @Test(arguments: [
    (RecordTransport.auto, MapType.ringBuffer, [false, true], true),
    (.auto, .hash, [false], false), (.ring, .hash, [false], false), (.perf, .ringBuffer, [true], true),
  ])
  func isLoadedAsTheKernelAllows(transport: RecordTransport, refused: MapType, asked: [Bool], usesPerfEvents: Bool)
    throws
  {
    let (all, answer) = load(transport, refused: refused)
    #expect(all == asked)
    #expect(try answer.get() == usesPerfEvents)
  }

  /// What was asked for by name is not replaced.
  @Test(arguments: [(RecordTransport.ring, MapType.ringBuffer), (.perf, .perfEventArray)])
  func isRefusedWithTheKernelsWords(transport: RecordTransport, refused: MapType) {
    let (asked, answer) = load(transport, refused: refused)
    #expect(asked.count == 1)
    #expect(throws: Self.refusal(of: refused)) { try answer.get() }
  }

  @Test func otherMapsAreNoReason() {
    var count = 0
    #expect(throws: Self.refusal(of: .hash)) {
      try RecordTransport.auto.load { _ in
        count += 1
        throw Self.refusal(of: .hash)
      }
    }
    #expect(count == 1)
  }

  /// So that each loads where the kernel has what it uses, and makes nothing else.
  @Test func theCaptureProgramsHaveTheMapsOfOneTransport() throws {
    for (bytes, has, hasNot) in [
      (captureObject(), MapType.ringBuffer, MapType.perfEventArray),
      (tcp_receiveObject(), .ringBuffer, .perfEventArray), (capture_perfObject(), .perfEventArray, .ringBuffer),
      (tcp_receive_perfObject(), .perfEventArray, .ringBuffer),
    ] {
      let types = try ObjectSpec(name: "capture.bpf.o", bytes: bytes).maps.map(\.type)
      #expect(types.contains(has) && !types.contains(hasNot))
    }
  }
}
