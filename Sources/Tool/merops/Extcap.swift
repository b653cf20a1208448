import ArgumentParser
import CaptureFiles
import CaptureSession
import Glibc
import LinuxCalls
import RouteNetlink

/// Wireshark's extcap protocol, extcap(4): what it asks of a program in its extcap folder, so that the interfaces stand in
/// its list as `merops-eth0`, shown as "merops: eth0".
struct Extcap: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "merops", shouldDisplay: false)

  @Flag(name: .customLong("extcap-interfaces")) var listsInterfaces = false
  @Flag(name: .customLong("extcap-dlts")) var listsLinkTypes = false
  @Flag(name: .customLong("extcap-config")) var listsOptions = false
  @Flag(name: .customLong("capture")) var captures = false
  /// After a capture that had to be killed; nothing is left over that the next one would not remove.
  @Flag(name: .customLong("extcap-cleanup-postkill")) var cleansUp = false
  /// Wireshark's.
  @Option(name: .customLong("extcap-version")) var version: String?
  @Option(name: .customLong("extcap-interface"), parsing: .unconditional) var interface: String?
  @Option(name: .customLong("extcap-capture-filter"), parsing: .unconditional) var filter: String?
  @Option(name: .customLong("fifo"), parsing: .unconditional) var fifo: String?

  // What `--extcap-config` offers.
  @Option var direction = CaptureDirection.both.rawValue
  @Option var snapshotLength = CaptureFileReader.largestPacket
  @Flag var headersOnly = false
  @Option var via = Capture.Via.auto
  @Flag var process = false

  /// What is asked.
  enum Request: Equatable {
    case interfaces
    case linkTypes(of: String)
    case options(of: String)
    /// Whether it is one.
    case filter(String, of: String)
    /// With the arguments of `merops capture`, and where the packets go.
    case capture([String], fifo: String)
    case nothing
  }

  /// Whether somebody speaks the protocol.
  static func isMeant(by arguments: [String]) -> Bool {
    arguments.contains { $0.hasPrefix("--extcap-") }
  }

  func request() throws(ValidationError) -> Request {
    if listsInterfaces { return .interfaces }
    if cleansUp { return .nothing }
    guard let interface, interface.hasPrefix(Self.prefix) else {
      throw ValidationError("--extcap-interface names one of --extcap-interfaces.")
    }
    let name = String(interface.dropFirst(Self.prefix.count))
    if listsLinkTypes { return .linkTypes(of: name) }
    if listsOptions { return .options(of: name) }
    if captures {
      guard let fifo else { throw ValidationError("--capture needs --fifo, where the packets go.") }
      let length = headersOnly ? [] : ["--snapshot-length", "\(snapshotLength)"]
      let owners = process ? ["--process"] : []
      let words = ["-i", name, "-Q", direction, "--via", via.rawValue] + length + owners
      // The filter may begin with a minus.
      return .capture(words + (filter.map { ["--", $0] } ?? []), fifo: fifo)
    }
    guard let filter else { throw ValidationError("Nothing is asked: --extcap-dlts, --extcap-config or --capture.") }
    return .filter(filter, of: name)
  }

  func run() throws {
    switch try request() {
    case .interfaces: print(Self.sentences(of: try interfaces().map(\.name)), terminator: "")
    case .linkTypes(let name): print(Self.linkType(isEthernet: try isEthernet(name)), terminator: "")
    case .options: print(Self.options, terminator: "")
    case .filter(let expression, let name): try check(expression, name)
    case .capture(let arguments, let fifo): try capture(arguments, fifo)
    case .nothing: break
    }
  }

  private static let prefix = "merops-"

  // MARK: Sentences

  /// - Parameter names: of interfaces. One that would break the sentence is left out.
  static func sentences(of names: [String]) -> String {
    (["any"] + names).filter { name in !name.contains { "{}".contains($0) } }.reduce(
      "extcap {version=\(Merops.version)}{display=merops}\n"
    ) { text, name in
      text + "interface {value=\(prefix)\(name)}{display=merops: \(name)}\n"
    }
  }

  /// In libpcap's numbers: `DLT_EN10MB`, `DLT_RAW`.
  static func linkType(isEthernet: Bool) -> String {
    isEthernet ? "dlt {number=1}{name=EN10MB}{display=Ethernet}\n" : "dlt {number=12}{name=RAW}{display=Raw IP}\n"
  }

  static var options: String {
    func selector(_ number: Int, _ values: [(value: String, display: String)], standard: String) -> String {
      values.map { "value {arg=\(number)}{value=\($0)}{display=\($1)}{default=\($0 == standard)}\n" }.joined()
    }
    return "arg {number=0}{call=--direction}{display=Direction}{type=selector}"
      + "{tooltip=Which packets of the interface}\n"
      + selector(
        0, [("both", "received and sent"), ("in", "received"), ("out", "sent")],
        standard: CaptureDirection.both.rawValue)
      + "arg {number=1}{call=--snapshot-length}{display=Bytes of each packet}{type=unsigned}"
      + "{range=1,\(CaptureFileReader.largestPacket)}{default=\(CaptureFileReader.largestPacket)}"
      + "{tooltip=Longer packets are cut off}\n"
      + "arg {number=2}{call=--headers-only}{display=Headers only}{type=boolflag}{default=false}"
      + "{tooltip=Leave the contents behind the headers out}\n"
      + "arg {number=3}{call=--via}{display=Taken by}{type=selector}"
      + "{tooltip=Where received packets are taken; sent ones are by a classifier}\n"
      + selector(
        3,
        [
          ("auto", "XDP, where possible"), ("xdp", "XDP only"), ("xdp-native", "native XDP only"),
          ("xdp-generic", "generic XDP only"), ("tc", "classifier (tc)"),
        ], standard: Capture.Via.auto.rawValue)
      + "arg {number=4}{call=--process}{display=Processes}{type=boolflag}{default=false}"
      + "{tooltip=Comments on TCP packets tell which processes of this machine sent and got them}\n"
  }

  // MARK: What is there

  /// Those that packets can be taken from.
  private func interfaces() throws(Failure) -> [NetworkInterface] {
    do { return try RouteSocket().interfaces().filter { $0.isEthernet || $0.beginsWithIP } } catch {
      throw Failure(report: "list the interfaces: \(error)")
    }
  }

  private func isEthernet(_ name: String) throws(Failure) -> Bool {
    guard name != "any" else { return true }
    guard let interface = try interfaces().first(where: { $0.name == name }) else {
      throw Failure(report: "there is no interface \(name)")
    }
    return interface.isEthernet
  }

  /// Whatever is printed makes the filter a bad one to Wireshark.
  private func check(_ expression: String, _ interface: String) throws {
    guard !expression.isEmpty else { return }
    let options = try FilterOptions.parse(["--", expression])
    do { _ = try options.packetFilter(netmask: ipv4Netmask(ofInterface: interface)) } catch { print(error.report) }
  }

  /// What goes to standard error is shown as an error, so that news and counters are not told.
  private func capture(_ arguments: [String], _ fifo: String) throws {
    // Wireshark waits until the pipe is opened, also where nothing comes of the capture.
    let pipe = try? FileDescriptor(opening: fifo, flags: O_WRONLY)
    defer { _ = pipe }
    try Capture.parse(["--silent", "-w", fifo] + arguments).run()
  }
}
