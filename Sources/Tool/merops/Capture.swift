import ArgumentParser
import BPFLinks
import BPFLoader
import CaptureEvents
import CaptureFiles
import CaptureSession
import Glibc
import LinuxCalls
import PacketFilter

/// `merops capture`
struct Capture: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "capture",
    abstract: "Prints the headers of packets that come and go on interfaces, or of a file's, as tcpdump would.",
    discussion: """
      Received packets are taken by an XDP program, before the kernel's network stack sees them, those sent by a \
      classifier (tc); they go on unchanged. \
      Packets go to standard output, everything else to standard error. SIGUSR1 prints the counters and goes on.
      """)

  enum Format: String, ExpressibleByArgument, CaseIterable { case text, headers, json }
  enum Via: String, ExpressibleByArgument, CaseIterable {
    case auto, xdp
    case xdpNative = "xdp-native"
    case xdpGeneric = "xdp-generic"
    case tc, kprobe, interpreter
    case testRun = "test-run"

    var isForFiles: Bool { self == .interpreter || self == .testRun }
  }
  enum Attach: String, ExpressibleByArgument, CaseIterable { case auto, link, netlink }

  @Option(
    name: [.customShort("i"), .long], parsing: .singleValue,
    help: "The interface to capture on; several times for several, any for all there are and will be.")
  var interface: [String] = []
  @Option(
    name: [.customShort("Q"), .long],
    help: "Which packets: in (received), out (sent) or both; inout is understood.",
    transform: CaptureDirection.parse)
  var direction: CaptureDirection = .in
  @Option(
    name: [.customShort("s"), .customLong("snapshot-length")], parsing: .unconditional,
    help: "Take so many bytes of each packet; 0 for all. By default, its headers, and of files all.")
  var snapLength: Int?
  @Option(name: .customShort("r"), help: "Read packets from this capture file (pcap, pcapng; - for standard input).")
  var file: String?
  @Option(
    name: .customShort("w"),
    help: "Write packets to this file as pcapng, instead of printing them (- for standard output).")
  var outputFile: String?
  @Flag(name: .customShort("U"), help: "With -w: write each packet at once.")
  var unbuffered = false
  @Flag(name: .customLong("print"), help: "With -w: print the packets, too.")
  var alsoPrints = false
  @OptionGroup(title: "Several files")
  var rotation: RotationOptions
  @Flag(help: .hidden)
  var silent = false
  @Flag(name: .customLong("count"), help: "With -r: print only how many packets there were.")
  var onlyCounts = false
  @Flag(name: [.customShort("D"), .long], help: "List the interfaces and what XDP can do there, and end.")
  var listInterfaces = false
  @Option(name: .customShort("c"), parsing: .unconditional, help: "End after this many packets.")
  var count: Int?
  @Option(parsing: .unconditional, help: "End after this many seconds, also when nothing arrives.")
  var duration: Double?
  @Option(help: "text: tcpdump's lines; headers: a block a packet; json: an object a line.")
  var format = Format.text
  @Flag(name: .customShort("e"), help: "Print the link-level header.")
  var linkHeader = false
  @Flag(name: .customShort("l"), help: "Accepted: lines are always written as soon as they are complete.")
  var lineBuffered = false
  @Flag(name: .customShort("n"), help: "Accepted: addresses and ports are always numbers.")
  var numeric: Int
  @Flag(name: .customShort("p"), help: "Accepted: promiscuous mode is never switched on.")
  var notPromiscuous = false
  @Flag(name: .customShort("q"), help: "Print less of each packet.")
  var quiet = false
  @Flag(name: .customShort("S"), help: "Print absolute sequence numbers.")
  var absoluteSequenceNumbers = false
  @Flag(
    name: .customShort("t"),
    help: "No time; -tt seconds since 1970, -ttt since the last line, -tttt with the date, -ttttt since the first.")
  var time: Int
  @Flag(name: .customShort("v"), help: "Print more of each packet; twice for still more.")
  var verbose: Int
  @Flag(
    name: .customShort("x"),
    help: "Print each packet in hexadecimal, from the network's header on; -xx with the link-level header.")
  var hexadecimal: Int
  @Flag(name: .customShort("X"), help: "The same, and as text beside it; -XX with the link-level header.")
  var hexadecimalAndText: Int
  @Flag(name: .customShort("A"), help: "Print each packet as text; -AA with the link-level header.")
  var asText: Int
  @Flag(name: [.customShort("#"), .customLong("number")], help: "Number the packets.")
  var number = false
  @Option(
    help: """
      Where to take received packets: xdp (native, else generic), xdp-native, xdp-generic, tc, or auto: xdp, where that \
      is possible. Sent packets and those of -i any come from tc. kprobe takes segments as the kernel's TCP receives \
      them, on all interfaces, with the state of their socket. Those of a file go through test-run (the kernel) or \
      interpreter.
      """)
  var via = Via.auto
  @Option(help: "Capture in this network namespace, such as /proc/PID/ns/net or /run/netns/NAME.")
  var netns: String?
  @Flag(help: "Tell whose packets are: process, name and socket of their connections' ends on this machine.")
  var process = false
  @Flag(
    name: .customLong("with-connections"),
    help: "The same, and print between packets when their connections open, and what became of them.")
  var withConnections = false
  @Option(name: .customLong("connections"), help: "With --process: how many connections are followed at once.")
  var connectionCount = 1 << 16
  @Option(help: "How to attach: auto (bpf_link, else netlink), link or netlink.")
  var attach = Attach.auto
  @Option(help: .recordTransport)
  var transport = RecordTransport.auto
  @Option(
    parsing: .unconditional,
    help: """
      The ring between kernel and merops, or that of each CPU, in bytes; a power of two, K and M are understood. By \
      default 8M, which the CPUs share where each has one.
      """)
  var ringSize: ByteCount?
  @Option(parsing: .unconditional, help: "Print the counters every so many seconds.")
  var stats: Double?
  @Option(help: "Write the counters at the end to this file, as JSON.")
  var statsJson: String?
  @OptionGroup(title: "Filter")
  var filter: FilterOptions

  func validate() throws {
    if let count, count <= 0 { throw ValidationError("-c \(count): the count of packets has to be 1 or more.") }
    try checkSeconds(duration: duration, stats: stats)
    if time > 5 { throw ValidationError("-t can be given five times at most.") }
    if let snapLength, !(0...CaptureFileReader.largestPacket ~= snapLength) {
      throw ValidationError(
        "-s \(snapLength): the length has to be from 0 to \(CaptureFileReader.largestPacket) bytes.")
    }
    try InterfaceList.check(interface)
    if file != nil && !interface.isEmpty {
      throw ValidationError("-r and -i: packets come from a file or an interface.")
    }
    if let file, file == outputFile, file != "-" {
      throw ValidationError("-r and -w name the same file, which would be emptied before it is read.")
    }
    if alsoPrints && outputFile == "-" {
      throw ValidationError("--print and -w -: standard output is for the lines or for the file.")
    }
    try rotation.validate(outputFile: outputFile)
    if onlyCounts && file == nil { throw ValidationError("--count is for files: -r FILE --count") }
    if via != .auto, via.isForFiles != (file != nil) {
      let others = Via.allCases.filter { $0 == .auto || $0.isForFiles != via.isForFiles }.map(\.rawValue)
      throw ValidationError(
        "--via \(via.rawValue) is for packets \(via.isForFiles ? "of files (-r)" : "that arrive or leave"). "
          + "Here: \(others.joined(separator: ", ")).")
    }
    if transport != .auto && file != nil {
      throw ValidationError("--transport \(transport.rawValue) is for packets that arrive or leave, not for a file's.")
    }
    if transport == .perf, let snapLength, snapLength > CaptureOptions.longestPerfPacket {
      throw ValidationError(
        "-s \(snapLength): with --transport perf, a record has room for \(CaptureOptions.longestPerfPacket) bytes of a "
          + "packet at most, which -s 0 takes.")
    }
    if via == .kprobe, !(interface.isEmpty || interface == ["any"]) || direction != .in {
      throw ValidationError("--via kprobe takes what the kernel's TCP receives, on all interfaces: without -i and -Q.")
    }
    if interface.isEmpty && file == nil && via != .kprobe && !listInterfaces && !filter.isShown {
      throw ValidationError("Which interface? Name it with -i; -D lists them. -r reads a file.")
    }
    if showsOwners && file != nil {
      throw ValidationError("--process and -r: nobody knows any more whose the packets of a file were.")
    }
    if withConnections && outputFile != nil && !alsoPrints {
      throw ValidationError("--with-connections and -w: files have no room for connections; --print prints both.")
    }
    guard 1...1 << 24 ~= connectionCount else {
      throw ValidationError("--connections \(connectionCount): the table has to have 1 to \(1 << 24) entries.")
    }
    try ringSize?.validateRing()
  }

  func run() throws {
    if listInterfaces { return try InterfaceList.print() }
    if let file, !filter.isShown { return try explaining { try read(file) } }
    if let netns { try explaining { try enterNetworkNamespace(netns) } }
    // Of files nobody knows it; libpcap takes 0 there, so that 'ip broadcast' is what goes to 0.0.0.0 or 255.255.255.255.
    let netmask = file != nil ? 0 : interface.count == 1 ? ipv4Netmask(ofInterface: interface[0]) : nil
    let packetFilter = try filter.packetFilter(netmask: netmask)
    if let packetFilter, filter.isShown { return print(filter.shown(packetFilter)) }
    try explaining { try capture(packetFilter) }
  }

  private var showsOwners: Bool { process || withConnections }

  private func capture(_ packetFilter: PacketFilter?) throws {
    // Opening a named pipe waits for its reader. Here a signal still ends that; a session takes signals as news.
    let pipe: FileDescriptor? =
      if let outputFile, outputFile != "-" { try? FileDescriptor(opening: outputFile, flags: O_WRONLY) } else { nil }
    defer { _ = pipe }
    let statisticsFile = try statsJson.map { (path) throws(Failure) in try StatisticsFile(path) }
    var options = options
    options.filter = packetFilter
    let ownership =
      showsOwners
      ? try PacketOwnership(
        connectionCount: connectionCount, transport: transport, tellsOfConnections: withConnections) : nil
    var session = try CaptureSession(options)
    if via == .kprobe {
      try session.beginAttachingToTCP()
    } else if interface == ["any"] {
      try session.beginAttachingToAll()
    } else {
      for name in interface { try session.beginAttaching(to: name) }
    }
    var output = try packetOutput(ownership)
    output.follow(session)
    let statistics = try session.run(&output)
    output.finish()
    try statisticsFile?.write(statistics.json(connections: output.connectionStatistics))
    guard try conclude(output, statistics, "the capture") else { return }
    output.tellOfShortfall()
    if !session.gone.isEmpty && interface != ["any"] {
      throw Failure(
        report: "\(session.gone.joined(separator: ", ")) went away while capturing; the capture ended there")
    }
  }

  /// Everything is printed that can be read, also where the file ends in the middle of a packet.
  private func read(_ path: String) throws {
    let statisticsFile = try statsJson.map { (path) throws(Failure) in try StatisticsFile(path) }
    let start = Clock.monotonic
    let filter = filter
    var capture = try FileCapture(path, snapLength: wantedLength, count: count, place: place) { linkHeader in
      try filter.packetFilter(linkHeader: linkHeader, netmask: 0)
    }
    // Before an output is made, which may overwrite a file.
    do { try capture.prepare() } catch let failure as Failure { throw failure } catch {
      throw Failure(report: "\(capture.name): \(error)")
    }
    var output = try packetOutput()
    let result = Result { try capture.run(&output) }
    output.finish()
    // A filter that is none for a link that came later.
    if case .failure(let failure as Failure) = result { throw failure }
    if onlyCounts { print("\(output.count) packet\(output.count == 1 ? "" : "s")") }
    let statistics = try capture.statistics(seconds: Double(Clock.monotonic - start) / 1e9)
    try statisticsFile?.write(statistics.json())
    guard try conclude(output, statistics, "reading") else { return }
    do { try result.get() } catch { throw Failure(report: "\(capture.name): \(error)") }
  }

  private func packetOutput(_ ownership: consuming PacketOwnership? = nil) throws(Failure) -> PacketOutput {
    let printer = !onlyCounts && (outputFile == nil || alsoPrints) ? printer : nil
    let files = outputFile.map { WrittenPackets.Options(path: $0, limits: rotation.limits, isUnbuffered: unbuffered) }
    let output = PacketOutput(printer: printer, files: files, ownership: ownership, isSilent: silent)
    if let failure = output.failure { throw Failure(report: "\(failure.attempt): \(failure.errno)") }
    return output
  }

  /// Tells what came of it. Returns whether there is more to tell: whoever closed the pipe has heard enough.
  /// - Throws: `Failure` where packets could not be written.
  private func conclude(
    _ output: borrowing PacketOutput, _ statistics: CaptureStatistics, _ what: String
  ) throws(Failure) -> Bool {
    let failure = output.failure
    if let failure, failure.errno == .brokenPipe { return false }
    if !onlyCounts { output.tell(statistics.summary) }
    if let failure { throw Failure(report: "\(failure.attempt): \(failure.errno); \(what) ended there") }
    return true
  }

  private var options: CaptureOptions {
    var options = CaptureOptions()
    options.xdpRungs = via.xdpRungs(attach, isAny: interface == ["any"])
    options.classifierRungs = via.classifierRungs(attach, direction)
    options.direction = direction
    options.takesFromTCP = via == .kprobe
    options.snapLength = wantedLength
    options.transport = transport
    options.ringByteCount = ringSize?.value
    options.count = count
    options.duration = duration
    options.statisticsInterval = stats
    if showsOwners { options.patience = PacketOwnership.patience }
    if !isWatched { options.restMilliseconds = 50 }
    return options
  }

  /// Whether somebody may be looking at the packets as they come.
  private var isWatched: Bool {
    guard let outputFile, !alsoPrints, !unbuffered, !showsOwners else { return true }
    return outputFile == "-" || hasReader(file: outputFile)
  }

  private var place: FileProgram.Place {
    switch via {
    case .interpreter: .interpreter
    case .testRun: .kernel
    default: .best
    }
  }

  /// Of several, as tcpdump chooses.
  private var hexDump: TextOptions.HexDump {
    if hexadecimalAndText > 0 { return hexadecimalAndText > 1 ? .linkAndText : .networkAndText }
    if hexadecimal > 0 { return hexadecimal > 1 ? .link : .network }
    return asText > 1 ? .linkText : asText > 0 ? .networkText : .none
  }

  /// As tcpdump has it, 0 is all of a packet.
  private var wantedLength: Int? { snapLength.map { $0 == 0 ? CaptureFileReader.largestPacket : $0 } }

  private var printer: PacketPrinter {
    let format: PacketPrinter.Format =
      switch self.format {
      case .text: .text(textOptions)
      case .headers: .headers
      case .json: .json
      }
    return PacketPrinter(format, secondsFromUTC: localSecondsFromUTC())
  }

  private var textOptions: TextOptions {
    var options = TextOptions()
    options.timestamps = [.timeOfDay, .none, .epoch, .sincePrevious, .dateAndTime, .sinceFirst][time]
    options.verbosity = verbose
    options.isQuiet = quiet
    options.showsLinkHeader = linkHeader
    options.absoluteSequenceNumbers = absoluteSequenceNumbers
    options.showsNumber = number
    options.hexDump = hexDump
    options.showsInterface = interface.count > 1 || interface == ["any"] || via == .kprobe
    options.usesColour = Terminal.takesColour
    return options
  }
}
