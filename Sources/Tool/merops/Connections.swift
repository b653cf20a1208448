import ArgumentParser
import BPFLoader
import ConnectionEvents
import ConnectionSession
import Glibc
import LinuxCalls

/// `merops connections`
struct Connections: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "connections",
    abstract:
      "Prints a line for each TCP connection when it is over: whose, from where to where, for how long, how much.",
    discussion: """
      Each end of a connection that is on this machine has its own line, also where it never was one: refused, without an \
      answer, half-open. '>' was begun here, '<' by the other side, '-' before we looked.
      COMMAND is the task that called connect or accept. [nginx] has the listening socket, or had the socket open before \
      we looked; curl? is what ran when the connection was closed; where no task is known, there is the socket's user.
      Lines go to standard output, everything else to standard error. SIGUSR1 prints the counters and goes on.
      """)

  enum Format: String, ExpressibleByArgument, CaseIterable { case text, json }

  @Flag(help: "Print a line when a connection opens, too.")
  var open = false
  @Flag(help: "Print the SYNs that listening sockets get, with the sockets' queues, instead of connections.")
  var syn = false
  @Option(help: "text: columns, as many as the terminal has room for; json: an object a line.")
  var format = Format.text

  @Option(parsing: .singleValue, help: "Only with this port on either side; several times for several.")
  var port: [UInt16] = []
  @Option(
    parsing: .singleValue, help: "Only with this address or network (192.0.2.0/24, 2001:db8::/32) on either side.")
  var host: [Network] = []
  @Option(parsing: .singleValue, help: "Only of this process.")
  var pid: [UInt32] = []
  @Option(parsing: .singleValue, help: "Only of tasks with this name (its first 15 bytes).")
  var comm: [String] = []
  @Option(parsing: .singleValue, help: "Only of this user, by name or number.")
  var uid: [UserNumber] = []
  @Option(parsing: .singleValue, help: "Only of this cgroup, by its directory, and those below it.")
  var cgroup: [CgroupNumber] = []
  @Option(
    parsing: .singleValue,
    help: "Only in this network namespace: a name of 'ip netns', a path such as /proc/PID/ns/net, or an inode.")
  var netns: [NamespaceNumber] = []

  @Option(name: .customShort("c"), parsing: .unconditional, help: "End after so many lines.")
  var count: Int?
  @Option(parsing: .unconditional, help: "End after this many seconds.")
  var duration: Double?
  @Option(parsing: .unconditional, help: "Print the counters to standard error each so many seconds.")
  var stats: Double?
  @Option(help: "Write the counters to this file at the end, as JSON.")
  var statsJson: String?
  @Option(name: .customLong("connections"), help: "How many connections are followed at once.")
  var tableCount = 1 << 16
  @Option(name: .customLong("half-open"), help: "How many half-open connections are followed at once.")
  var halfOpenTableCount = 1 << 13
  @Option(help: .recordTransport)
  var transport = RecordTransport.auto
  @Option(help: "The size of the ring, or of that of each CPU: bytes, or with K or M behind.")
  var ringSize = ByteCount(1 << 20)

  func validate() throws {
    if let count, count <= 0 { throw ValidationError("-c \(count): the count of lines has to be 1 or more.") }
    try checkSeconds(duration: duration, stats: stats)
    if open && syn { throw ValidationError("--open and --syn: connections or SYNs are printed.") }
    let lists = [
      ("port", port.count), ("host", host.count), ("pid", pid.count), ("comm", comm.count), ("uid", uid.count),
      ("cgroup", cgroup.count), ("netns", netns.count),
    ]
    if let (name, count) = lists.first(where: { $0.1 > ConnectionOptions.listLimit }) {
      throw ValidationError("--\(name) is given \(count) times; the kernel looks at \(ConnectionOptions.listLimit).")
    }
    for (name, count) in [("connections", tableCount), ("half-open", halfOpenTableCount)]
    where !(1...1 << 24 ~= count) {
      throw ValidationError("--\(name) \(count): the table has to have 1 to \(1 << 24) entries.")
    }
    try ringSize.validateRing()
  }

  func run() throws {
    try explaining {
      let statisticsFile = try statsJson.map { (path) throws(Failure) in try StatisticsFile(path) }
      var session = try ConnectionSession(options)
      for what in session.missing { StandardError.write("merops: this kernel does not let us see \(what).") }
      StandardError.write("following TCP connections via \(session.via)")
      let content: ConnectionText.Content = syn ? .requests : open ? .openingsAndEnds : .ends
      let width = TerminalMode.size(of: STDOUT_FILENO)?.columns
      var output = try ConnectionLines(
        format == .json ? .json : .text(content, width: width), began: session.began)
      output.follow(session)
      let statistics = try session.run(&output)
      try statisticsFile?.write(statistics.json)
      if let failure = output.failure {
        if failure.errno == .brokenPipe { return }
        StandardError.write(statistics.summary)
        throw Failure(report: "\(failure.attempt): \(failure.errno)")
      }
      StandardError.write(statistics.summary)
    }
  }

  private var options: ConnectionOptions {
    var options = ConnectionOptions()
    options.ports = port
    options.networks = host.map(\.network)
    options.processes = pid
    options.names = comm
    options.users = uid.map(\.number)
    options.cgroups = cgroup.map(\.number)
    options.namespaces = netns.map(\.number)
    options.tellsOpened = open
    options.tellsOnlySYN = syn
    options.transport = transport
    options.tableCount = tableCount
    options.halfOpenTableCount = halfOpenTableCount
    options.ringByteCount = ringSize.value
    options.count = count
    options.duration = duration
    options.statisticsInterval = stats
    return options
  }

  struct Network: ExpressibleByArgument {
    let network: ConnectionOptions.Network

    init?(argument: String) {
      let parts = argument.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
      let bitCount = parts.count > 1 ? Int(parts[1]) : nil
      guard let address = IPAddress(String(parts[0])), parts.count == 1 || bitCount != nil,
        let network = ConnectionOptions.Network(address: address.bytes, bitCount: bitCount)
      else { return nil }
      self.network = network
    }
  }

  struct UserNumber: ExpressibleByArgument {
    let number: UInt32

    init?(argument: String) {
      guard let user = User(named: argument) else { return nil }
      number = user.uid
    }
  }

  struct CgroupNumber: ExpressibleByArgument {
    let number: UInt64

    init?(argument: String) {
      guard let number = inode(ofFile: argument) else { return nil }
      self.number = number
    }
  }

  struct NamespaceNumber: ExpressibleByArgument {
    let number: UInt32

    init?(argument: String) {
      let path = argument.contains("/") ? argument : "/run/netns/\(argument)"
      guard let number = UInt32(argument) ?? inode(ofFile: path).flatMap({ UInt32(exactly: $0) }) else { return nil }
      self.number = number
    }
  }
}
