import LinuxCalls
import Testing

@testable import BPFLinks

struct FilterMarkTests {
  @Test(arguments: [true, false])
  func aMarkIsReadAsWritten(madeQdisc: Bool) throws {
    let mark = FilterMark(program: "drop_all", madeQdisc: madeQdisc)
    #expect(FilterMark(mark.text) == mark)
    #expect(!mark.owner.isKnownToHaveEnded)
  }

  @Test(arguments: [
    "", "merops", "merops:a:1:2", "merops:a:0:2:3", "merops:a:-5:2:3", "merops:a:1:2:3:other", "merops:a:1:2:3:qdisc:",
    "merops:a:99999999999:2:3", "Merops:a:1:2:3", "merops:a:1:x:3", "merops:a:1:2:18446744073709551616",
  ])
  func otherNamesAreNotOurs(name: String) { #expect(FilterMark(name) == nil) }

  @Test func aProcessOfAnotherNamespaceMayLive() {
    #expect(!ProcessIdentity(pid: 4_000_000, start: 1, namespace: 1).isKnownToHaveEnded)
  }

  @Test func aRefusalWithAllCapabilitiesAtACgroupNamesTheCause() throws {
    let all = Set(Capability.allCases)
    let machine = AttachHint.Machine()
    let sentence = AttachHint.sentence(for: .cgroup, errno: .notPermitted, effective: all, machine: machine)
    #expect(try #require(sentence).contains("BPF_F_ALLOW_MULTI"))
    let lacking = AttachHint.sentence(
      for: .cgroup, errno: .notPermitted, effective: all.subtracting([.netAdmin]), machine: machine)
    #expect(try #require(lacking).contains("NET_ADMIN"))
  }

  @Test func aFunctionWithoutProbesIsNamedAsSuch() throws {
    let sentence = AttachHint.sentence(
      for: .kprobe, errno: .invalidArgument, effective: Set(Capability.allCases), machine: AttachHint.Machine())
    #expect(try #require(sentence).contains("available_filter_functions"))
  }

  @Test func positionsAreFlagsAndANeighbour() {
    #expect(AttachPosition.last.request == (0, 0))
    #expect(AttachPosition.first.request == (8, 0))
    #expect(AttachPosition.before(.program(id: 5)).request == (8 | 32, 5))
    #expect(AttachPosition.after(.link(id: 6)).request == (16 | 32 | 8192, 6))
  }
}
