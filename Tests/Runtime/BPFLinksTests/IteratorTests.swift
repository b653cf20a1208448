import BPFLinks
import BPFLoader
import BPFRelocation
import BPFTypes
import FixturePrograms
import Glibc
import LinuxCalls
import Testing

extension HookTests {
  @Test func anIteratorGoesThroughTasks() throws {
    let fixture = try HookFixture("each_task", in: iteratorsObject())
    let link = try fixture.program.attachIterator()
    let tasks = words(try link.makeReader().readAll())
    #expect(tasks.contains(UInt32(getpid())))
    #expect(tasks.count > 4)
    // Each reader walks for itself.
    var first = try link.makeReader()
    var second = try link.makeReader()
    var buffer = [UInt8](repeating: 0, count: 8)
    #expect(try first.read(into: &buffer) == 8)
    #expect(try first.read(into: &buffer) == 8)
    #expect(words(buffer) == Array(tasks[2..<4]))
    #expect(try second.read(into: &buffer) == 8)
    #expect(words(buffer) == Array(tasks[0..<2]))
  }

  @Test func anIteratorGoesThroughAProcess() throws {
    let fixture = try HookFixture("each_task", in: iteratorsObject())
    let own = UInt32(getpid())
    do {
      let thread = try fixture.program.attachIterator(.thread(getpid()))
      #expect(words(try thread.makeReader().readAll()) == [own, own])
    } catch let error as AttachError {
      guard case .refused(let refusals) = error.reason, refusals.last?.errno == .argumentListTooLong,
        !hasTaskParameters()
      else { throw error }
      try Test.cancel("this kernel's iterators take no task (6.1): \(error)")
    }
    let process = try fixture.program.attachIterator(.process(getpid()))
    let tasks = words(try process.makeReader().readAll())
    #expect(tasks.count >= 2)
    #expect(stride(from: 0, to: tasks.count, by: 2).allSatisfy { tasks[$0] == own })
    let descriptor = try FileDescriptor(ofProcess: getpid())
    let same = try fixture.program.attachIterator(.processDescriptor(descriptor.number))
    #expect(words(try same.makeReader().readAll()).contains(own))
  }

  private func hasTaskParameters() -> Bool {
    (try? TargetKernel.types()?.types(named: "bpf_iter_attach_task", kinds: [.function]).isEmpty) == false
  }

  @Test func anIteratorGoesThroughAMap() throws {
    let fixture = try HookFixture("each_element", in: iteratorsObject())
    let map = try #require(fixture.map("elements"))
    try map.set([7, 0, 0, 0, 0, 0, 0, 0], forKey: [3, 0, 0, 0])
    let link = try fixture.program.attachIterator(.map(map))
    #expect(words(try link.makeReader().readAll()) == [3, 7])
    // What comes later is seen by later readers.
    try map.set([9, 0, 0, 0, 0, 0, 0, 0], forKey: [4, 0, 0, 0])
    #expect(words(try link.makeReader().readAll()).count == 4)
  }

  @Test func anIteratorGoesThroughCgroups() throws {
    let root = "/sys/fs/cgroup/unified"
    let mount = entries(ofDirectory: root).contains("cgroup.procs") ? root : "/sys/fs/cgroup"
    guard entries(ofDirectory: mount).contains("cgroup.procs") else {
      try Test.cancel("needs cgroup2 at /sys/fs/cgroup or \(root)")
    }
    let fixture: HookFixture
    do { fixture = try HookFixture("each_cgroup", in: iteratorsObject()) } catch let error as PlanError {
      try Test.cancel("this kernel has no iterator of cgroups (6.1): \(error)")
    }
    let path = "\(mount)/merops-iterator-\(getpid())"
    #expect(unsafe mkdir(path, 0o755) == 0)
    #expect(unsafe mkdir("\(path)/inner", 0o755) == 0)
    defer {
      unsafe rmdir("\(path)/inner")
      unsafe rmdir(path)
    }
    func ids(_ order: IteratorScope.CgroupOrder, _ path: String?) throws -> [[UInt32]] {
      let link = try fixture.program.attachIterator(.cgroups(order, from: path))
      let all = words(try link.makeReader().readAll())
      return stride(from: 0, to: all.count, by: 2).map { [all[$0], all[$0 + 1]] }
    }
    let itself = try ids(.itself, path)
    let inner = try ids(.itself, "\(path)/inner")
    #expect(itself.count == 1 && inner.count == 1)
    #expect(try ids(.descendantsAfterParents, path) == itself + inner)
    #expect(try ids(.descendantsBeforeParents, path) == inner + itself)
    #expect(try ids(.ancestors, "\(path)/inner").starts(with: inner + itself))
    #expect(try ids(.descendantsAfterParents, nil).contains(inner[0]))
  }

  @Test func anIteratorIsReadFromItsPin() throws {
    let fixture = try HookFixture("each_task", in: iteratorsObject())
    let directory = "/sys/fs/bpf"
    let mounts = String(decoding: try contents(ofFile: "/proc/mounts"), as: UTF8.self)
    let isOwnMount = !mounts.contains(" \(directory) bpf ")
    if isOwnMount { #expect(unsafe mount("bpf", directory, "bpf", 0, nil) == 0) }
    defer { if isOwnMount { unsafe umount(directory) } }
    let path = "\(directory)/merops-iterator-\(getpid())"
    do {
      let link = try fixture.program.attachIterator()
      try link.pin(at: path)
    }
    defer { unsafe unlink(path) }
    #expect(words(try IteratorReader(pinnedAt: path).readAll()).contains(UInt32(getpid())))
    let again = try Link(pinnedAt: path, hook: .iterator)
    #expect(words(try again.makeReader().readAll()).contains(UInt32(getpid())))
  }

  @Test func anIteratorsProgramIsReplaced() throws {
    let fixture = try HookFixture("each_task", in: iteratorsObject())
    let other = try HookFixture("each_task", in: iteratorsObject())
    let link = try fixture.program.attachIterator()
    try link.update(to: other.program)
    _ = try link.makeReader().readAll()
    #expect(try fixture.count == 0)
    #expect(try other.count > 0)
  }

  @Test func onlyIteratorsAreIterated() throws {
    let fixture = try HookFixture("on_typed_tracepoint", in: tracepointsObject())
    #expect(throws: AttachError.self) { _ = try fixture.program.attachIterator() }
  }

  @Test func iteratorLinksLeaveNothing() throws {
    try AttachmentRounds.leaveNothing("iter") {
      try HookFixture("each_task", in: iteratorsObject())
    } _: { fixture in
      let link = try fixture.program.attachIterator()
      var reader = try link.makeReader()
      var buffer = [UInt8](repeating: 0, count: 8)
      _ = try reader.read(into: &buffer)
      try link.detach()
    }
  }

  private func words(_ bytes: [UInt8]) -> [UInt32] {
    stride(from: 0, to: bytes.count / 4 * 4, by: 4).map { at in
      bytes[at..<at + 4].reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }
  }
}
