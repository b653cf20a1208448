import BPFLinks
import BPFObjectFile
import Testing

/// What sections ask for, as their names say it.
@Suite struct SectionHookTests {
  private func hook(_ section: String, target: String? = nil) -> SectionHook {
    let parsed = ProgramSection(name: section)
    return SectionHook(
      section: section, target: target ?? parsed.target, type: parsed.type, attachType: parsed.expectedAttachType)
  }

  @Test(arguments: [
    ("kprobe/tcp_connect", SectionHook.kprobe(.function("tcp_connect"), isReturn: false)),
    ("?kretprobe/tcp_connect", .kprobe(.function("tcp_connect"), isReturn: true)),
    ("kprobe/tcp_connect+0x10", .kprobe(.function("tcp_connect", offset: 16), isReturn: false)),
    ("kprobe.multi/tcp_*", .kprobeMulti(.matching("tcp_*"), isReturn: false)),
    ("kretprobe.multi/tcp_*", .kprobeMulti(.matching("tcp_*"), isReturn: true)),
    ("ksyscall/getppid", .systemCall("getppid", isReturn: false)),
    (
      "uprobe.s//usr/bin/bash:readline+4",
      .uprobe(.symbol("readline", offset: 4), file: "/usr/bin/bash", isReturn: false)
    ),
    ("kretprobe//usr/bin/bash:readline", .uprobe(.symbol("readline"), file: "/usr/bin/bash", isReturn: true)),
    ("uretprobe/libc:malloc", .uprobe(.symbol("malloc"), file: "libc", isReturn: true)),
    ("uprobe/libc:0x1234", .uprobe(.fileOffset(0x1234), file: "libc", isReturn: false)),
    ("uprobe.multi/libc:str*", .uprobeMulti(.matching("str*"), file: "libc", isReturn: false)),
    ("usdt/libc:libc:setjmp", .usdt(file: "libc", provider: "libc", name: "setjmp")),
    ("tp/sched/sched_switch", .tracepoint(category: "sched", name: "sched_switch")),
    ("raw_tp/sys_enter", .rawTracepoint("sys_enter")),
    ("tp_btf/sys_enter", .tracing), ("fentry.s/do_unlinkat", .tracing), ("lsm/file_open", .tracing),
    ("lsm_cgroup/socket_bind", .cgroup), ("iter/task", .iterator), ("xdp.frags", .xdp), ("tc", .classifier),
    ("tcx/ingress", .classifier), ("netkit/peer", .netkit), ("cgroup_skb/egress", .cgroup), ("sockops", .cgroup),
    ("sk_lookup", .skLookup), ("flow_dissector", .flowDissector), ("netfilter", .netfilter), ("sk_msg", .sockmap),
    ("sk_skb/verdict", .sockmap), ("perf_event", .perfEvent), ("fentry.multi/tcp_*", .tracingMulti("tcp_*")),
  ])
  func theNameDecides(section: String, expected: SectionHook) {
    #expect(hook(section) == expected)
  }

  @Test(arguments: [
    "kprobe", "kprobe/", "kprobe//usr/bin/bash", "ksyscall", "uprobe/libc", "uprobe/:malloc", "uprobe/libc:",
    "usdt/libc:setjmp", "usdt/libc::",
    "tp/sched", "raw_tp", "xdp/devmap", "socket", "syscall", "freplace/f",
  ])
  func whatIsMissingIsSaid(section: String) {
    guard case .other(let reason) = hook(section) else {
      Issue.record("\(section) is \(hook(section))")
      return
    }
    #expect(!reason.isEmpty)
  }

  @Test func anotherTargetTakesTheSectionsPlace() {
    #expect(hook("kprobe/a", target: "b+2") == .kprobe(.function("b", offset: 2), isReturn: false))
  }
}
