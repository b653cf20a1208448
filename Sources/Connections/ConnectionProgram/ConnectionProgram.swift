/// The names in connections.bpf.c that user space refers to. The object itself is `connectionsObject()`, which the build
/// makes.
package enum ConnectionProgram {
  /// Tracepoints that every kernel has: what a connection becomes.
  package static let always = ["merops_state", "merops_reset_received", "merops_reset_sent", "merops_synack_again"]
  /// Goes through the files that are open when the programs begin.
  package static let found = "merops_found"

  /// Programs of which the first that can be attached is enough: all of one group, or all of the next.
  package typealias Ladder = [[String]]
  package static let accept: Ladder = [
    ["merops_accepted_call"], ["merops_accepted_probe"], ["merops_accept_exit", "merops_accept4_exit"],
  ]
  /// SYNs that nobody wanted, where the tracepoint does not tell of them (before 6.10).
  package static let refusal: Ladder = [
    ["merops_refused4_call", "merops_refused6_call"], ["merops_refused4_probe", "merops_refused6_probe"],
  ]
  /// A connection of ours that is about to begin.
  package static let begun: Ladder = [["merops_begun_call"], ["merops_begun_probe"], ["merops_begun_packet"]]
  package static let syn: Ladder = [["merops_syn_call"], ["merops_syn_probe"]]

  package static let connections = "connections"
  package static let halfOpen = "half_open"
  package static let counters = "counters"
  package static let ring = "records"
  package static let samples = "samples"

  /// Constants set before loading.
  package static let tellsOpened = "tells_opened"
  package static let tellsClosed = "tells_closed"
  package static let tellsSteps = "tells_steps"
  package static let hasCookie = "has_cookie"
  package static let usesPerfEvents = "uses_perf_events"
  package static let wakeBytes = "wake_bytes"

  /// A list of what is wanted, and the constant that says how long it is.
  package enum List: String, CaseIterable, Sendable {
    case ports, hosts, processes, users, names, cgroups, namespaces

    package var count: String {
      switch self {
      case .ports: "port_count"
      case .hosts: "host_count"
      case .processes: "process_count"
      case .users: "user_count"
      case .names: "name_count"
      case .cgroups: "cgroup_count"
      case .namespaces: "namespace_count"
      }
    }
    /// `LIST_MAX`
    package static let limit = 16
  }

  /// `struct connection_record`
  package static let recordByteCount = 176
  /// `struct half_open_key`, `struct half_open`
  package static let halfOpenKeyByteCount = 40
  package static let halfOpenByteCount = 64

  /// `struct connection_counters`, bpf/include/connection_record.h, in words.
  package static let counterCount = 8
}
