import BPFLoader
import BPFObjectFile
import BPFRelocation
import BPFTypes
import FixturePrograms
import LinuxCalls
import Testing

@testable import BPFLinks

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
    (Tracefs.found?.definitions(in: file) ?? []).filter { $0.contains(":\(ProbeGroup().name)/") }
  }
}
