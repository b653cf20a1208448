import DemoNetwork
import FixturePrograms
import Foundation
import LinuxCalls
import RouteNetlink
import Testing

extension Privileged {
  /// `merops run`, and what `merops list` and `merops map` say of what it has in the kernel.
  @Suite struct RunCommandTests {
    /// A file with an object, which goes with the value.
    private final class ObjectFile {
      let url = FileManager.default.temporaryDirectory.appending(path: "watch-\(UUID().uuidString).bpf.o")
      init(_ bytes: [UInt8]) throws { try Data(bytes).write(to: url) }
      deinit { try? FileManager.default.removeItem(at: url) }
    }

    private struct Entry: Decodable {
      struct Holder: Decodable { let pid: Int32 }
      let id: UInt32
      let name: String?
      let target: String?
      let holders: [Holder]
    }

    private func list(_ kind: String, heldBy pid: Int32) throws -> [Entry] {
      let process = try RunningProcess(Tool.path, ["list", kind, "--json"], in: .current())
      #expect(try process.wait() == 0, "\(process.errors)")
      let entries = try process.outputLines.map { try JSONDecoder().decode(Entry.self, from: Data($0.utf8)) }
      return entries.filter { $0.holders.contains { $0.pid == pid } }
    }

    private func map(_ arguments: [String]) throws -> (status: Int32, output: String, errors: String) {
      let process = try RunningProcess(Tool.path, ["map"] + arguments, in: .current())
      let status = try process.wait()
      return (status, process.output, process.errors)
    }

    private func send(in network: borrowing DemoNetwork) throws {
      let frames = (0..<3).map { Frame(ethertype: 0x0800, Frame.ipv4(Frame.tcp(from: UInt16(2000 + $0), to: 9))) }
      try Frame.send(frames, from: DemoNetwork.clientInterface, in: network.client)
    }

    @Test func attachesWhatItCanAndPrintsEvents() throws {
      let network = try DemoNetwork()
      let file = try ObjectFile(watchObject())
      let run = try Tool.run(
        ["run", file.url.path, "-i", DemoNetwork.serverInterface, "--disable", "add", "--json", "--set", "port=443"],
        in: network.server)
      try run.waitUntil(says: "watch is attached to \(DemoNetwork.serverInterface), by native XDP by bpf_link")
      try send(in: network)
      try run.waitUntil("three events") { run.outputLines.count >= 3 }
      // The constant's two bytes, for which the object has no structure.
      #expect(run.outputLines.first == #"{"map":"events","event":"bb01"}"#)
      #expect(run.errors.contains("no struct of the object's BTF has 2 bytes"))

      let links = try list("links", heldBy: run.pid)
      #expect(links.count == 1)
      #expect(try list("progs", heldBy: run.pid).map(\.name) == ["watch"])
      run.signal(SIGINT)
      #expect(try run.wait() == 0)
      #expect(try list("links", heldBy: run.pid).isEmpty)
    }

    @Test func keysAndValuesAreWrittenByTheirTypes() throws {
      let network = try DemoNetwork()
      let file = try ObjectFile(watchObject())
      let run = try Tool.run(
        ["run", file.url.path, "-i", DemoNetwork.serverInterface, "--disable", "add", "--no-printk"], in: network.server
      )
      try run.waitUntil(says: "watch is attached")
      let table = try #require(try list("maps", heldBy: run.pid).first { $0.name == "table" })
      #expect(try map(["update", "\(table.id)", "first=1,second=2", "values[0]=7,values[2]=0x10"]).status == 0)
      #expect(
        try map(["lookup", "\(table.id)", "first=1,second=2"]).output == "first=1 second=2: values=[7, 0, 16]\n")
      #expect(
        try map(["dump", "\(table.id)", "--json"]).output
          == #"{"key":{"first":1,"second":2},"value":{"values":[7,0,16]}}"# + "\n")
      let missing = try map(["lookup", "\(table.id)", "first=9,second=2"])
      #expect(missing.status == 1 && missing.errors.contains("there is no such key"))
      #expect(try map(["update", "\(table.id)", "frist=1", "values[0]=7"]).errors.contains("has no member frist"))
      #expect(try map(["delete", "\(table.id)", "first=1,second=2"]).status == 0)
      #expect(try map(["dump", "\(table.id)"]).output.isEmpty)
    }

    @Test func aMissingTargetIsNamed() throws {
      let network = try DemoNetwork()
      let file = try ObjectFile(watchObject())
      let run = try Tool.run(["run", file.url.path, "--no-printk"], in: network.server)
      #expect(try run.wait() == 1)
      #expect(run.errors.contains("left out watch: needs an interface"))
      #expect(run.errors.contains("nothing is attached"))
    }

    /// As in a container: the process mounts it for itself, and nobody sees it.
    @Test func tracefsNeedNotBeMounted() throws {
      let network = try DemoNetwork()
      let file = try ObjectFile(tracepointsObject())
      let script = """
        umount --recursive /sys/kernel/tracing /sys/kernel/debug 2>&-
        "$0" run "$1" --disable on_raw_tracepoint --disable on_typed_tracepoint --duration 0.1 --no-printk
        status=$?
        grep -c tracefs /proc/self/mounts
        exit $status
        """
      let run = try RunningProcess(
        "unshare", ["--mount", "sh", "-c", script, Tool.path, file.url.path], in: network.server)
      #expect(try run.wait() == 0, "\(run.errors)")
      #expect(run.errors.contains("on_tracepoint is attached"), "\(run.errors)")
      #expect(run.output == "0\n")
    }

    @Test func aHookWithoutTheWayIsLeftOut() throws {
      let network = try DemoNetwork()
      let file = try ObjectFile(watchObject())
      let options = [
        "run", file.url.path, "-i", DemoNetwork.serverInterface, "--disable", "add", "--no-printk", "--way",
      ]
      let lacking = try Tool.run(options + ["tracefs"], in: network.server)
      #expect(try lacking.wait() == 1)
      #expect(lacking.errors.contains("left out watch: is not attached by tracefs, only by bpf_link or netlink"))
      let unknown = try Tool.run(options + ["tracfs"], in: network.server)
      #expect(try unknown.wait() == 2)
      #expect(unknown.errors.contains("- BPF_PROG_ATTACH"))
    }

    @Test func goesOnAsAnotherUser() throws {
      let network = try DemoNetwork()
      let file = try ObjectFile(watchObject())
      let run = try Tool.run(
        ["run", file.url.path, "-i", DemoNetwork.serverInterface, "--disable", "add", "--user", "nobody", "--json"],
        in: network.server)
      try run.waitUntil(says: "watch is attached")
      try run.waitUntil("the change of user") {
        let status = (try? String(contentsOfFile: "/proc/\(run.pid)/status", encoding: .utf8)) ?? ""
        return status.contains("CapEff:\t0000000000000000") && status.contains("Uid:\t65534\t65534\t65534")
      }
      try send(in: network)
      try run.waitUntil("three events") { run.outputLines.count >= 3 }
      run.signal(SIGTERM)
      #expect(try run.wait() == 0)
    }

    @Test func aStrictRunEndsWithTheFirstFailure() throws {
      let network = try DemoNetwork()
      let file = try ObjectFile(rejectedObject())
      let run = try Tool.run(["run", file.url.path, "--strict"], in: network.server)
      #expect(try run.wait() == 1)
      #expect(run.errors.contains("invalid access to packet"))
    }
  }
}
