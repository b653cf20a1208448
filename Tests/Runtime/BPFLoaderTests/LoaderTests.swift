import FixturePrograms
import Glibc
import LinuxCalls
import Merops
import Testing

/// Tests in the kernel: as root, one after the other.
@Suite(.serialized) struct LoaderTests {
  private func requireRoot() throws {
    if geteuid() != 0 { try Test.cancel("needs root: loads BPF programs") }
  }

  private func load(port: UInt16 = 443) throws -> LoadedObject {
    var spec = try ObjectSpec(name: "watch.bpf.o", bytes: watchObject())
    try spec.set("port", to: port)
    return try LoadedObject(loading: LoadPlan(spec))
  }

  private let packet = [UInt8](repeating: 0, count: 64)
  private let pass: UInt32 = 2

  @Test func aLoadedProgramSeesItsConstantAndItsData() throws {
    try requireRoot()
    let object = try load(port: 443)
    let watch = try #require(object.program("watch"))
    #expect(try watch.run(onPacket: packet) == pass)
    #expect(try watch.run(onPacket: packet) == pass)
    // `total` in .bss counts the calls.
    let total = try #require(object.map(ofSection: ".bss")).value(forKey: [0, 0, 0, 0])
    #expect(total == [2, 0, 0, 0, 0, 0, 0, 0])
    // shared(hidden) is 7 + 443.
    #expect(try #require(object.program("add")).run(onPacket: packet) == 450)
  }

  @Test func theRingHandsOutRecordsInOrderAndAcrossItsEnd() throws {
    try requireRoot()
    let object = try load(port: 7)
    let watch = try #require(object.program("watch"))
    var ring = try RingBuffer(try #require(object.map("events")))
    let wasReady = try ring.wait(milliseconds: 0)
    #expect(!wasReady)
    // 16 bytes a record: 4096 bytes are gone around three times.
    for _ in 0..<8 {
      for _ in 0..<100 { #expect(try watch.run(onPacket: packet) == pass) }
      let isReady = try ring.wait(milliseconds: 0)
      #expect(isReady)
      var values: [UInt16] = []
      let count = ring.drain { values.append(unsafe $0.unsafeLoad(as: UInt16.self)) }
      #expect(count == 100)
      #expect(values == [UInt16](repeating: 7, count: 100))
      let isEmpty = ring.isEmpty
      #expect(isEmpty)
    }
  }

  @Test func aFullRingRefusesAndDrainingMakesRoom() throws {
    try requireRoot()
    let object = try load()
    let watch = try #require(object.program("watch"))
    var ring = try RingBuffer(try #require(object.map("events")))
    var answers: [UInt32] = []
    for _ in 0..<300 { answers.append(try watch.run(onPacket: packet)) }
    let accepted = answers.count { $0 == pass }
    #expect(accepted > 200 && accepted < 300)
    let (some, rest) = (ring.drain(limit: 10) { _ in }, ring.drain { _ in })
    #expect(some == 10)
    #expect(rest == accepted - 10)
    #expect(try watch.run(onPacket: packet) == pass)
  }

  @Test func aRejectedProgramIsExplainedByTheVerifiersWordsAndItsSource() throws {
    try requireRoot()
    let plan = try LoadPlan(try ObjectSpec(name: "rejected.bpf.o", bytes: rejectedObject()))
    let error = try #require(throws: LoadError.self) { _ = try LoadedObject(loading: plan) }
    #expect(error.attempt == .loadProgram(name: "rejected", section: "xdp"))
    #expect(error.report.contains("invalid access to packet"))
    #expect(error.report.contains("data[3]"))
    #expect(!error.report.contains("processed "))
    #expect(error.report.split(separator: "\n").count <= 6)
  }

  @Test func aMapWithoutEntriesIsRefusedWithWhatToDo() throws {
    try requireRoot()
    var spec = try ObjectSpec(name: "watch.bpf.o", bytes: watchObject())
    let ring = try #require(spec.mapIndex("events"))
    // Other sizes of rings are rounded up.
    spec.maps[ring].maxEntries = 0
    let plan = try LoadPlan(spec)
    let error = try #require(throws: LoadError.self) { _ = try LoadedObject(loading: plan) }
    #expect(error.cause.errno == .invalidArgument)
    #expect(error.report.contains("--entries events=NUMBER"))
  }

  @Test func nothingIsLeftOpen() throws {
    try requireRoot()
    // Tests that run beside this one open files; what only this one has is of the kernel's BPF objects.
    let (program, map): (UInt32, UInt32)
    do {
      let object = try load()
      let ring = try RingBuffer(try #require(object.map("events")))
      (program, map) = (
        try #require(object.program("watch")).id(), try #require(object.map("events")).information().id
      )
      _ = ring.isEmpty
    }
    let rejected = try LoadPlan(try ObjectSpec(name: "rejected.bpf.o", bytes: rejectedObject()))
    _ = try? LoadedObject(loading: rejected)
    // What nobody holds any more is gone from the kernel, which takes it apart a little later.
    func isGone(_ kind: BPF.ObjectKind, _ id: UInt32) -> Bool { (try? BPF.open(kind, id: id).number) == nil }
    let end = Clock.monotonic + 10_000_000_000
    while !(isGone(.program, program) && isGone(.map, map)), Clock.monotonic < end { sleepMilliseconds(10) }
    #expect(isGone(.program, program))
    #expect(isGone(.map, map))
  }
}

@Suite struct VerifierLogTests {
  @Test(arguments: [
    // 5.10: source lines without a place, registers on lines of their own.
    (
      """
      ; return data[3] == 7 ? XDP_DROP : XDP_PASS;
      0: (61) r1 = *(u32 *)(r1 +0)
      1: (71) r1 = *(u8 *)(r1 +3)
      invalid access to packet, off=3 size=1, R1(id=0,off=3,r=0)
      R1 offset is outside of the packet
      processed 2 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
      """,
      [
        "; return data[3] == 7 ? XDP_DROP : XDP_PASS;", "1: (71) r1 = *(u8 *)(r1 +3)",
        "invalid access to packet, off=3 size=1, R1(id=0,off=3,r=0)", "R1 offset is outside of the packet",
      ]
    ),
    // 6.10 and later: the source's place, and registers behind the instruction.
    (
      """
      0: R1=ctx() R10=fp0
      ; unsigned char *data = (void *)(long)context->data; @ rejected.bpf.c:10
      0: (61) r1 = *(u32 *)(r1 +0)          ; R1_w=pkt(r=0)
      ; return data[3] == 7 ? XDP_DROP : XDP_PASS; @ rejected.bpf.c:11
      1: (71) r1 = *(u8 *)(r1 +3)
      invalid access to packet, off=3 size=1, R1(id=0,off=3,r=0)
      R1 offset is outside of the packet
      verification time 62 usec
      stack depth 0
      processed 2 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
      """,
      [
        "; return data[3] == 7 ? XDP_DROP : XDP_PASS; @ rejected.bpf.c:11", "1: (71) r1 = *(u8 *)(r1 +3)",
        "invalid access to packet, off=3 size=1, R1(id=0,off=3,r=0)", "R1 offset is outside of the packet",
      ]
    ),
    ("", []), ("\n\n", []), ("; ", ["; "]), ("no such helper", ["no such helper"]),
  ])
  func theDecisiveLinesAreFound(log: String, lines: [String]) {
    #expect(VerifierLog(text: log).decisiveLines == lines)
  }
}
