import BPFLoader
import BPFObjectFile
import BPFRelocation
import BPFTypes
import FixturePrograms
import Glibc
import LinuxCalls
import Synchronization
import Testing

@testable import BPFLinks

private final class Counter: Sendable {
  private let number = Atomic<Int>(0)
  var value: Int { number.load(ordering: .relaxed) }
  @discardableResult func increase() -> Int { number.add(1, ordering: .relaxed).newValue }
}

/// What the tests of kprobes and uprobes share.
enum ProbeFixture {
  /// Cancels the test where this kernel has no kprobes.
  static func needKprobes() throws {
    guard PerfEvent.Attributes.type(ofUnit: "kprobe") != nil else {
      try Test.cancel("this kernel has no kprobes: /sys/bus/event_source/devices/kprobe is not there")
    }
  }

  /// Cancels the test where no perf event can have a link, which came with the cookies (5.15).
  static func needPerfLinks(_ rung: Rung = Rung(.link)) throws {
    let spec = try ObjectSpec(name: "probes.bpf.o", bytes: probesObject())
    guard rung.way != .link || KernelFeatures.probed(for: spec).attachCookie else {
      try Test.cancel("this kernel has no links for perf events: bpf_get_attach_cookie is refused")
    }
  }

  /// Cancels the test where the kernel's types do not have what a feature is made of.
  static func need(_ name: String, _ kind: BTF.Kind, for feature: String) throws {
    guard try TargetKernel.types()?.types(named: name, kinds: [kind]).isEmpty == false else {
      try Test.cancel("this kernel has no \(feature): its types have no \(name)")
    }
  }

  /// Cancels the test where the kernel was built without what it answers EOPNOTSUPP to.
  static func attaching(_ attach: () throws(AttachError) -> Link) throws -> Link {
    do throws(AttachError) { return try attach() } catch {
      if case .refused(let refusals) = error.reason, refusals.last?.errno == .notSupported {
        try Test.cancel("this kernel was built without it: \(error)")
      }
      throw error
    }
  }

  /// The probes in tracefs that this process owns.
  static func definitions(_ file: Tracefs.Definitions) -> [String] {
    (Tracefs.mounted?.definitions(in: file) ?? []).filter { $0.contains(":\(ProbeGroup().name)/") }
  }

  /// Attaches and ends again and again, a thousand times where that takes less than three seconds or MEROPS_ALL_ROUNDS is
  /// set; then nothing may be left of it. By many threads, since each detaching waits until every processor has left the
  /// program, which kernels may do for all of them at once.
  static func rounds(_ attach: @escaping @Sendable () throws -> Link) throws {
    func held() -> Int {
      entries(ofDirectory: "/proc/self/fd").filter { name in
        var target = [CChar](repeating: 0, count: 256)
        guard unsafe readlink("/proc/self/fd/\(name)", &target, 255) > 0 else { return false }
        let text = String(decoding: target.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return text.contains("perf_event") || text.contains("bpf")
      }.count
    }
    // Here, where the test can still be cancelled.
    try attach().detach()
    let before = held()
    let start = ContinuousClock.now
    let limit: Duration = unsafe getenv("MEROPS_ALL_ROUNDS") == nil ? .seconds(3) : .seconds(600)
    let (begun, ended) = (Counter(), Counter())
    var threads: [JoinableThread] = []
    for _ in 0..<32 {
      threads.append(
        try JoinableThread {
          while begun.increase() <= 1000, ContinuousClock.now - start < limit {
            do {
              try attach().detach()
              ended.increase()
            } catch {
              Issue.record(error)
              return
            }
          }
        })
    }
    for thread in threads { thread.join() }
    let count = ended.value
    // Tests of other suites have some of their own meanwhile.
    #expect(count >= 10)
    #expect(held() - before < min(count, 10))
    #expect(definitions(.kprobes).isEmpty)
    #expect(definitions(.uprobes).isEmpty)
    print("\(count) rounds in \(ContinuousClock.now - start)")
  }
}
