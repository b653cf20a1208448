import BPFLoader
import Glibc
import LinuxCalls
import ProcessState
import RouteNetlink
import Synchronization
import Testing

@testable import BPFLinks

/// How often what has to leave nothing is repeated: MEROPS_ROUNDS says how often, 1000 where time allows.
let roundCount = unsafe getenv("MEROPS_ROUNDS").flatMap { unsafe Int(String(cString: $0)) } ?? 100

/// What is attached again and again: its programs and maps are looked for afterwards.
protocol RoundObjects: Sendable {
  var objects: [LoadedObject] { get }
}

/// Attaches and ends again and again, and looks that nothing is left of it.
enum AttachmentRounds {
  /// Makes the rounds, ``roundCount`` in number, or as many as three seconds have where MEROPS_ALL_ROUNDS is not set.
  /// - Parameters:
  ///   - hook: for the line that is printed.
  ///   - atOnce: by how many threads, for hooks that many attachments may be at: each end waits until every processor has
  ///     left the program, which kernels may do for all of them at once.
  ///   - load: what is attached, which has to go with the last reference to it.
  ///   - round: attaches and ends.
  static func leaveNothing<Objects: RoundObjects>(
    _ hook: String, atOnce: Int = 1, of load: () throws -> Objects,
    _ round: @escaping @Sendable (Objects) throws -> Void,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let inKernel: KernelObjects
    do {
      let objects = try load()
      inKernel = try KernelObjects(of: objects.objects)
      // Here, where the test can still be cancelled.
      try round(objects)
      // What is made once, and kept, has been made then.
      _ = try repeated(min(roundCount / 10, 50), atOnce: atOnce, until: .seconds(1)) { try round(objects) }
      let before = try Holdings(of: inKernel)
      let start = ContinuousClock.now
      let count = try repeated(roundCount, atOnce: atOnce, until: isUnlimited ? .seconds(900) : .seconds(3)) {
        try round(objects)
      }
      print("\(hook): \(count) rounds in \(ContinuousClock.now - start)")
      #expect(count >= min(roundCount, 3), sourceLocation: sourceLocation)
      var left: [String] = []
      let isClean = try eventually {
        left = try Holdings(of: inKernel).growth(since: before, rounds: count)
        return left.isEmpty
      }
      #expect(isClean, "left: \(left.joined(separator: ", "))", sourceLocation: sourceLocation)
    }
    var left: [String] = []
    let isGone = eventually {
      left = inKernel.present
      return left.isEmpty
    }
    #expect(isGone, "still in the kernel: \(left.joined(separator: ", "))", sourceLocation: sourceLocation)
  }

  /// Then the tests run one after the other, and what the whole process holds is what they hold.
  static let isUnlimited = unsafe getenv("MEROPS_ALL_ROUNDS") != nil

  /// - Returns: how many ended well.
  private static func repeated(
    _ count: Int, atOnce threadCount: Int, until limit: Duration, _ round: @escaping @Sendable () throws -> Void
  ) throws -> Int {
    let end = ContinuousClock.now + limit
    guard threadCount > 1 else {
      for number in 0..<count {
        if ContinuousClock.now >= end { return number }
        try round()
      }
      return count
    }
    let tally = Tally()
    let threads = try (0..<threadCount).map { _ in
      try JoinableThread {
        while ContinuousClock.now < end, tally.begin() <= count {
          do {
            try round()
            tally.end()
          } catch {
            Issue.record(error)
            return
          }
        }
      }
    }
    for thread in threads { thread.join() }
    return tally.ended
  }

  private final class Tally: Sendable {
    private let begun = Atomic<Int>(0)
    private let done = Atomic<Int>(0)
    func begin() -> Int { begun.add(1, ordering: .relaxed).newValue }
    func end() { done.add(1, ordering: .relaxed) }
    var ended: Int { done.load(ordering: .relaxed) }
  }
}

/// The kernel's numbers of some programs and maps.
struct KernelObjects: Sendable {
  let programs, maps: Set<UInt32>

  init(of objects: [LoadedObject]) throws {
    programs = Set(try objects.flatMap(\.programs).map { try $0.id() })
    maps = Set(try objects.flatMap(\.maps).map { try BPF.information(ofMap: $0.descriptor).id })
  }

  /// Those that are there, in words.
  var present: [String] {
    func isThere(_ kind: BPF.ObjectKind, _ id: UInt32) -> Bool { (try? BPF.open(kind, id: id)) != nil }
    return programs.filter { isThere(.program, $0) }.map { "program \($0)" }
      + maps.filter { isThere(.map, $0) }.map { "map \($0)" }
  }

  /// The links of these programs, whoever holds them.
  var linkCount: Int {
    get throws {
      var count = 0
      try BPF.forEach(.link) { (link) throws(SystemCallError) in
        if programs.contains(try BPF.information(ofLink: link).program) { count += 1 }
        return true
      }
      return count
    }
  }
}

/// What a process and the kernel hold for a test.
private struct Holdings {
  /// By what is counted. Others have none of it: each has to be as it was.
  private var own: [String: Int] = [:]
  private var perfEvents: [String: Int] = [:]
  /// Tests of other suites have any number, unless all run one after the other: looked at only then.
  private var ofProcess: [String: Int] = [:]
  private let heapByteCount, residentByteCount: Int

  init(of objects: KernelObjects) throws {
    own["links in the kernel"] = try objects.linkCount
    for file in [Tracefs.Definitions.kprobes, .uprobes] {
      let lines = Tracefs.found?.definitions(in: file) ?? []
      own["\(file.rawValue) in tracefs"] = lines.count { $0.contains(":\(ProbeGroup().name)/") }
    }
    let socket = try RouteSocket()
    for interface in try socket.interfaces() {
      own["XDP programs of \(interface.name)"] = interface.xdp.programIDs.count
      own["qdiscs of \(interface.name)"] = try socket.ingressQdisc(of: interface) == nil ? 0 : 1
      for hook in ClassifierHook.allCases {
        own["\(hook) filters of \(interface.name)"] = try socket.filterCount(on: interface, hook)
      }
    }
    for name in entries(ofDirectory: "/proc/self/fd") {
      switch Self.target(ofDescriptor: name) {
      case let target where target.contains("bpf"):
        let isOwn = Self.numbers(ofDescriptor: name).contains { kind, id in
          kind == "prog_id:" && objects.programs.contains(id) || kind == "map_id:" && objects.maps.contains(id)
        }
        if isOwn { own["descriptors of \(target)", default: 0] += 1 }
      case let target where target.contains("perf_event"): perfEvents["descriptors of perf events", default: 0] += 1
      case let target where target.hasPrefix("socket:"): ofProcess["sockets", default: 0] += 1
      default: ofProcess["other descriptors", default: 0] += 1
      }
    }
    heapByteCount = heap_use()
    let pages = (try? contents(ofFile: "/proc/self/statm")).map { String(decoding: $0, as: UTF8.self) } ?? ""
    residentByteCount = (pages.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) * Int(getpagesize())
  }

  /// What has become more, in words.
  func growth(since before: Holdings, rounds: Int) -> [String] {
    let isAlone = AttachmentRounds.isUnlimited
    func more(_ now: [String: Int], _ before: [String: Int], allowed: Int) -> [String] {
      now.compactMap { what, count in
        let more = count - before[what, default: 0]
        return more > allowed ? "\(more) \(what)" : nil
      }
    }
    // What each round left would be as much as there were rounds; of perf events others have a few.
    let left =
      more(own, before.own, allowed: 0)
      + more(perfEvents, before.perfEvents, allowed: isAlone ? 2 : max(rounds / 2, 25))
      + (isAlone ? more(ofProcess, before.ofProcess, allowed: 2) : [])
    let (heap, resident) = (heapByteCount - before.heapByteCount, residentByteCount - before.residentByteCount)
    // Less than what a round could leave in the heap, once there are many.
    guard isAlone, rounds >= 1000 else { return left }
    return left + (heap > 16 * rounds + 65536 ? ["\(heap) bytes of the heap"] : [])
      + (resident > 4 << 20 ? ["\(resident) bytes of memory"] : [])
  }

  /// `anon_inode:bpf-prog`, `socket:[123]`
  private static func target(ofDescriptor name: String) -> String {
    var target = [CChar](repeating: 0, count: 256)
    guard unsafe readlink("/proc/self/fd/\(name)", &target, 255) > 0 else { return "" }
    return String(decoding: target.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  private static func numbers(ofDescriptor name: String) -> [(kind: Substring, id: UInt32)] {
    let text = (try? contents(ofFile: "/proc/self/fdinfo/\(name)")) ?? []
    return String(decoding: text, as: UTF8.self).split(separator: "\n").compactMap { line in
      let words = line.split { $0 == "\t" || $0 == " " }
      return words.count == 2 ? UInt32(words[1]).map { (words[0], $0) } : nil
    }
  }
}
