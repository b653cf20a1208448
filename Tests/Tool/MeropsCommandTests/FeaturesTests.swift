import Foundation
import LinuxCalls
import Testing

extension Privileged {
  /// `merops features`, beside what is known of this kernel otherwise.
  @Suite struct FeaturesTests {
    private struct Report: Decodable {
      struct Feature: Decodable {
        let name: String
        let number: UInt32?
        let supported: String
        let cause: String?
      }
      let release: String
      let missingCapabilities: [String]
      let features: [String: [Feature]]
    }

    private func report(_ command: String, _ arguments: [String]) throws -> Report {
      let process = try RunningProcess(command, arguments, in: .current())
      #expect(try process.wait() == 0)
      return try JSONDecoder().decode(Report.self, from: Data(process.output.utf8))
    }

    @Test func answersAreWhatTheKernelShows() throws {
      let report = try report(Tool.path, ["features", "--json", "--helpers", "xdp", "--kfunc", "bpf_no_such_function"])
      let types = try #require(report.features["program types"])
      #expect(types.first { $0.name == "xdp" }?.supported == "yes")
      #expect(types.first { $0.name == "xdp" }?.number == 6)
      // Everything that we run on has these since 5.8.
      #expect(report.features["map types"]?.first { $0.name == "ringbuf" }?.supported == "yes")
      let helpers = try #require(report.features["helpers of xdp"])
      #expect(helpers.first { $0.name == "redirect_map" }?.supported == "yes")
      // Packets that are no skb have no socket buffer's helpers.
      #expect(helpers.first { $0.name == "skb_store_bytes" }?.supported == "no")
      #expect(report.features["kernel functions"]?.first?.supported == "no")
      for feature in report.features.values.joined() where feature.supported != "yes" { #expect(feature.cause != nil) }
    }

    @Test func aRefusalForWantOfPrivilegeIsNoAnswer() throws {
      let report = try report(
        "setpriv", ["--bounding-set=-all", "--inh-caps=-all", Tool.path, "features", "--json"])
      #expect(report.missingCapabilities == ["CAP_BPF", "CAP_PERFMON", "CAP_NET_ADMIN"])
      for feature in report.features["program types"] ?? [] { #expect(feature.supported == "unknown", "\(feature)") }
      for feature in report.features["map types"] ?? [] { #expect(feature.supported == "unknown", "\(feature)") }
      // What the kernel's types tell is told to everybody.
      #expect(report.features["link types"]?.first { $0.name == "xdp" }?.supported == "yes")
      let programs = report.features["program types"]
      #expect(programs?.first { $0.name == "xdp" }?.cause?.contains("built with it") == true)
      // No function tells of these.
      #expect(programs?.first { $0.name == "ext" }?.cause?.contains("built with it") == false)
      let maps = report.features["map types"]
      #expect(maps?.first { $0.name == "hash" }?.cause?.contains("built with it") == true)
    }

    @Test func namesTheTypesOfPrograms() throws {
      let process = try RunningProcess(Tool.path, ["features", "--helpers", "xpd"], in: .current())
      #expect(try process.wait() == 2)
      #expect(process.errors.contains("socket_filter"))
    }
  }
}
