import ArgumentParser
import BPFLinks
import CaptureEvents
import CaptureSession
import Glibc
import LinuxCalls
import PacketFilter

/// `merops capture`
struct Capture: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "capture",
    abstract: "Prints the headers of TCP packets that arrive on an interface, as tcpdump would.",
    discussion: """
      The packets are taken by an XDP program, before the kernel's network stack sees them, and go on unchanged. \
      Packets go to standard output, everything else to standard error. SIGUSR1 prints the counters and goes on.
      """)

  enum Format: String, ExpressibleByArgument, CaseIterable { case text, headers, json }
  enum Via: String, ExpressibleByArgument, CaseIterable {
    case xdp
    case xdpNative = "xdp-native"
    case xdpGeneric = "xdp-generic"
  }
  enum Attach: String, ExpressibleByArgument, CaseIterable { case auto, link, netlink }

  @Option(name: [.customShort("i"), .long], help: "The interface to capture on.")
  var interface: String?
  @Option(name: .customShort("r"), help: "Read packets from this capture file (pcap, pcapng; - for standard input).")
  var file: String?
  @Option(
    name: .customShort("w"),
    help: "Write packets to this file as pcapng, instead of printing them (- for standard output).")
  var outputFile: String?
  @Flag(name: .customShort("U"), help: "With -w: write each packet at once.")
  var unbuffered = false
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
  @Flag(name: [.customShort("#"), .customLong("number")], help: "Number the packets.")
  var number = false
  @Option(help: "Where to take packets: xdp (native, else generic), xdp-native or xdp-generic.")
  var via = Via.xdp
  @Option(help: "How to attach: auto (bpf_link, else netlink), link or netlink.")
  var attach = Attach.auto
  @Option(
    parsing: .unconditional,
    help: "The ring between kernel and merops, in bytes; a power of two, K and M are understood.")
  var ringSize = ByteCount(8 << 20)
  @Option(parsing: .unconditional, help: "Print the counters every so many seconds.")
  var stats: Double?
  @Option(help: "Write the counters at the end to this file, as JSON.")
  var statsJson: String?
  @OptionGroup(title: "Filter")
  var filter: FilterOptions

  func validate() throws {
    if let count, count <= 0 { throw ValidationError("-c \(count): the count of packets has to be 1 or more.") }
    if let duration, !(duration >= 0 && duration <= 1e9) {
      throw ValidationError("--duration \(duration): the duration has to be 0 seconds or more.")
    }
    if let stats, !(stats > 0 && stats <= 1e9) {
      throw ValidationError("--stats \(stats): the interval has to be more than 0 seconds.")
    }
    if time > 5 { throw ValidationError("-t can be given five times at most.") }
    if file != nil && interface != nil { throw ValidationError("-r and -i: packets come from a file or an interface.") }
    if file != nil && outputFile != nil { throw ValidationError("-w writes what an interface receives, not files.") }
    if onlyCounts && file == nil { throw ValidationError("--count is for files: -r FILE --count") }
    if interface == nil && file == nil && !listInterfaces && !filter.isShown {
      throw ValidationError("Which interface? Name it with -i; -D lists them. -r reads a file.")
    }
    let page = pageSize
    guard ringSize.value >= page, ringSize.value & (ringSize.value - 1) == 0, ringSize.value <= 1 << 30 else {
      throw ValidationError(
        "--ring-size \(ringSize.value): the size has to be a power of two, from \(page) bytes (a page) to 1 GiB. "
          + "\(ringSize.nearest(page: page)) would do.")
    }
  }

  func run() throws {
    if listInterfaces { return try InterfaceList.print() }
    // Of files nobody knows it; libpcap takes 0 there, so that 'ip broadcast' is what goes to 0.0.0.0 or 255.255.255.255.
    let netmask = file == nil ? interface.flatMap(ipv4Netmask) : 0
    let packetFilter = try filter.packetFilter(netmask: netmask)
    if let packetFilter, filter.isShown { return print(filter.shown(packetFilter)) }
    if let file { return try explaining { try read(file, packetFilter) } }
    guard let interface else { return }
    try explaining { try capture(on: interface, packetFilter) }
  }

  private func capture(on interface: String, _ packetFilter: PacketFilter?) throws {
    let statisticsFile = try statsJson.map { (path) throws(Failure) in try StatisticsFile(path) }
    var options = options
    options.filter = packetFilter
    var session = try CaptureSession(options)
    try session.beginAttaching(to: interface)
    let (statistics, failure): (CaptureStatistics, SystemCallError?)
    if let outputFile {
      var output = try CaptureFileOutput(
        outputFile, interface: interface, filter: packetFilter?.expression, isUnbuffered: unbuffered)
      statistics = try session.run(&output)
      output.finish(statistics)
      failure = output.failure
    } else {
      var output = PacketOutput(printer: printer, interfaceName: interface)
      statistics = try session.run(&output)
      failure = output.failure
    }
    try statisticsFile?.write(statistics)
    if let error = failure {
      // Whoever reads has heard enough; that is no failure.
      if error.errno == .brokenPipe { return }
      StandardError.write(statistics.summary)
      let place = outputFile.map { $0 == "-" ? "standard output" : $0 } ?? "standard output"
      throw Failure(report: "write to \(place): \(error.errno); the capture ended there")
    }
    StandardError.write(statistics.summary)
    if !session.gone.isEmpty {
      throw Failure(
        report: "\(session.gone.joined(separator: ", ")) went away while capturing; the capture ended there")
    }
  }

  /// Everything is printed that can be read, also where the file ends in the middle of a packet.
  private func read(_ path: String, _ packetFilter: PacketFilter?) throws {
    let statisticsFile = try statsJson.map { (path) throws(Failure) in try StatisticsFile(path) }
    let start = Clock.monotonic
    var capture = try FileCapture(path, filter: packetFilter, count: count)
    var output = PacketOutput(printer: printer, interfaceName: path, isLive: false, isCounting: onlyCounts)
    let result = Result { try capture.run(&output) }
    if onlyCounts { print("\(output.count) packet\(output.count == 1 ? "" : "s")") }
    let statistics = try capture.statistics(seconds: Double(Clock.monotonic - start) / 1e9)
    try statisticsFile?.write(statistics)
    if let error = output.failure {
      if error.errno == .brokenPipe { return }
      throw Failure(report: "write to standard output: \(error.errno); reading ended there")
    }
    if !onlyCounts { StandardError.write(statistics.summary) }
    do { try result.get() } catch { throw Failure(report: "\(capture.name): \(error)") }
  }

  private var options: CaptureOptions {
    var options = CaptureOptions()
    options.rungs = Rung.xdp.filter {
      (via == .xdp || (via == .xdpNative) == ($0.mode == .native))
        && (attach == .auto || (attach == .link) == ($0.way == .link))
    }
    options.ringByteCount = ringSize.value
    options.count = count
    options.duration = duration
    options.statisticsInterval = stats
    return options
  }

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
    options.usesColour = Terminal.takesColour
    return options
  }
}

/// A number of bytes, such as `65536`, `64K` or `8M`.
struct ByteCount: ExpressibleByArgument, CustomStringConvertible {
  let value: Int

  init(_ value: Int) { self.value = value }

  init?(argument: String) {
    let units: [Character: Int] = ["K": 1 << 10, "k": 1 << 10, "M": 1 << 20, "m": 1 << 20, "G": 1 << 30, "g": 1 << 30]
    let unit = argument.last.flatMap { units[$0] }
    guard let number = Int(unit == nil ? argument[...] : argument.dropLast()) else { return nil }
    let (value, overflow) = number.multipliedReportingOverflow(by: unit ?? 1)
    guard !overflow else { return nil }
    self.value = value
  }

  var description: String { "\(value)" }

  /// The next power of two that is large enough for a ring.
  func nearest(page: Int) -> Int {
    var nearest = page
    while nearest < value, nearest < 1 << 30 { nearest *= 2 }
    return nearest
  }
}
