import ArgumentParser
import CaptureEvents
import CaptureSession
import FlowTable
import Glibc
import LinuxCalls
import PacketFilter

/// `merops flows`
struct Flows: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "flows",
    abstract: "Counts packets by flow, inside the kernel, and shows the flows as a table.",
    discussion: """
      A flow is what two endpoints (addresses and ports) exchange by one protocol over one interface; both directions are \
      counted apart. In the table, > stands behind the end that opened the connection; where that was not seen, - stands \
      behind the end whose packet came first. PKTS> and BYTES> are what that end sent, <PKTS and <BYTES what the other did. \
      Packets are taken where merops capture takes them, and go on unchanged.

      On a terminal the table is live; keys sort it, q ends. Elsewhere it is written once, at the end, or with --interval \
      again and again, then with those flows only that had packets in the interval. SIGUSR1 prints the counters and goes on.
      """)

  enum Format: String, ExpressibleByArgument, CaseIterable { case live, text, json }

  /// One packet in so many: `1/100`, or `100`.
  struct Sample: ExpressibleByArgument, CustomStringConvertible {
    let value: Int

    init?(argument: String) {
      let number = argument.hasPrefix("1/") ? argument.dropFirst(2) : argument[...]
      guard number.allSatisfy(\.isNumber), let value = Int(number), 1...1_000_000_000 ~= value else { return nil }
      self.value = value
    }

    init(_ value: Int) { self.value = value }
    var description: String { "1/\(value)" }
  }

  @Option(
    name: [.customShort("i"), .long], parsing: .singleValue,
    help: "The interface to count on; several times for several, any for all there are and will be.")
  var interface: [String] = []
  @Option(
    name: [.customShort("Q"), .long],
    help: "Which packets: in (received), out (sent) or both. On the loopback, both are the same packets, counted once.",
    transform: CaptureDirection.parse)
  var direction = CaptureDirection.both
  @Option(
    parsing: .unconditional,
    help: """
      How many flows there is room for. One more, and the kernel forgets flows that were silent long; how many is told.
      """)
  var flows = ByteCount(65_536)
  @Option(help: "Count one packet in N, at random: 1/N. What is shown is then an estimate.")
  var sample = Sample(1)
  @Option(help: "Sort by rate, bytes, packets, last (seen last first) or age. By rate if live, else by bytes.")
  var sort: FlowTable.Sort?
  @Flag(help: "The other way round.")
  var reverse = false
  @Option(parsing: .unconditional, help: "Show so many flows at most.")
  var top: Int?
  @Option(parsing: .unconditional, help: "Show the flows every so many seconds. 1 if live.")
  var interval: Double?
  @Option(parsing: .unconditional, help: "End after this many seconds.")
  var duration: Double?
  @Option(
    help:
      "live: a table that changes, on a terminal; text: lines; json: an object a flow. live on a terminal, else text.")
  var format: Format?
  @Option(help: "Where to take received packets: xdp (native, else generic), xdp-native, xdp-generic, tc, or auto.")
  var via = Capture.Via.auto
  @Option(help: "Count in this network namespace, such as /proc/PID/ns/net or /run/netns/NAME.")
  var netns: String?
  @Option(help: "How to attach: auto (bpf_link, else netlink), link or netlink.")
  var attach = Capture.Attach.auto
  @Option(help: "Write the counters at the end to this file, as JSON.")
  var statsJson: String?
  @Flag(name: .customShort("n"), help: "Accepted: addresses and ports are always numbers.")
  var numeric: Int
  @OptionGroup(title: "Filter")
  var filter: FilterOptions

  private static let mostFlows = 1 << 24

  func validate() throws {
    try checkSeconds(duration: duration)
    if let interval, !(interval >= 0.1 && interval <= 1e9) {
      throw ValidationError("--interval \(interval): the interval has to be 0.1 seconds or more.")
    }
    if let top, top <= 0 { throw ValidationError("--top \(top): the number of flows has to be 1 or more.") }
    guard 1...Self.mostFlows ~= flows.value else {
      throw ValidationError("--flows \(flows.value): the number of flows has to be from 1 to \(Self.mostFlows).")
    }
    try InterfaceList.check(interface)
    if via == .kprobe || via.isForFiles {
      throw ValidationError(
        "--via \(via.rawValue) is for merops capture. Here: auto, xdp, xdp-native, xdp-generic, tc.")
    }
    if format == .live, isatty(STDOUT_FILENO) != 1 {
      throw ValidationError("--format live takes a terminal as standard output; text and json do not.")
    }
    if interface.isEmpty && !filter.isShown {
      throw ValidationError("Which interface? Name it with -i; merops capture -D lists them.")
    }
  }

  private var chosenFormat: Format { format ?? (Terminal.isLive ? .live : .text) }

  func run() throws {
    if let netns { try explaining { try enterNetworkNamespace(netns) } }
    let netmask = interface.count == 1 ? ipv4Netmask(ofInterface: interface[0]) : nil
    let packetFilter = try filter.packetFilter(netmask: netmask)
    if let packetFilter, filter.isShown { return print(filter.shown(packetFilter)) }
    try explaining { try count(packetFilter) }
  }

  private func count(_ packetFilter: PacketFilter?) throws {
    let statisticsFile = try statsJson.map { (path) throws(Failure) in try StatisticsFile(path) }
    var options = FlowOptions()
    options.xdpRungs = via.xdpRungs(attach, isAny: interface == ["any"])
    options.classifierRungs = via.classifierRungs(attach, direction)
    options.direction = direction
    options.filter = packetFilter
    options.flowCount = flows.value
    options.sample = sample.value
    options.duration = duration
    options.interval = interval ?? (chosenFormat == .live ? 1 : nil)
    var session = try FlowSession(options, isOnTerminal: chosenFormat == .live)
    if interface == ["any"] {
      try session.beginAttachingToAll()
    } else {
      for name in interface { try session.beginAttaching(to: name) }
    }
    let statistics: FlowStatistics
    var failure: SystemCallError?
    if chosenFormat == .live {
      statistics = try showLive(&session)
    } else {
      var output = PrintedFlows(blockOptions, isJSON: chosenFormat == .json)
      statistics = try session.run(&output)
      failure = output.failure
    }
    try statisticsFile?.write(statistics.json)
    // Whoever closed the pipe has heard enough.
    if let failure, failure.errno == .brokenPipe { return }
    StandardError.write(statistics.summary)
    if let failure { throw Failure(report: "write to standard output: \(failure.errno); counting ended there") }
    if !session.gone.isEmpty && interface != ["any"] {
      throw Failure(report: "\(session.gone.joined(separator: ", ")) went away while counting; it ended there")
    }
  }

  private func showLive(_ session: inout FlowSession) throws -> FlowStatistics {
    var screen = LiveFlows(
      FlowScreen(title: title, sort: sort ?? .rate, isReversed: reverse, top: top),
      showsInterface: showsInterface, sample: sample.value)
    if let input = screen.enter() { try session.watch(input) }
    let result = Result { try session.run(&screen) }
    // What is told from here on is read on the screen of before.
    screen.leave()
    return try result.get()
  }

  private var showsInterface: Bool { interface.count > 1 || interface == ["any"] }

  /// What is counted, in words.
  private var title: String {
    let which =
      switch direction {
      case .in: "received"
      case .out: "sent"
      case .both: "in and out"
      }
    let expression = filter.filter.isEmpty ? "" : ": " + filter.filter.joined(separator: " ")
    return "merops flows  \(interface.joined(separator: ", ")) \(which)\(expression)"
  }

  private var blockOptions: FlowBlock.Options {
    var options = FlowBlock.Options()
    options.sort = sort ?? .bytes
    options.isReversed = reverse
    options.top = top
    options.onlyActive = interval != nil
    options.showsInterface = showsInterface
    options.sample = UInt64(sample.value)
    options.isUnicode = Terminal.takesUnicode
    return options
  }
}

extension FlowTable.Sort: ExpressibleByArgument {}
