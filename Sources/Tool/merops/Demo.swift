import ArgumentParser
import CaptureEvents
import CaptureSession
import DemoNetwork
import Glibc
import LinuxCalls
import PacketFilter

/// `merops demo`
struct Demo: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo",
    abstract: "Captures real TCP traffic in a network of its own, and leaves nothing behind.",
    discussion: """
      Makes two network namespaces joined by a veth pair, with a TCP server in one and a client in the other, over IPv4 \
      and IPv6, and captures what arrives at both ends. Needs root.
      """)

  func run() throws { try explaining(demonstrate) }

  private func demonstrate() throws {
    StandardError.write(
      "two network namespaces, a veth pair between them; a client at 192.0.2.1 and 2001:db8::1, a server at .2 and ::2")
    let network = try DemoNetwork()
    var captureOptions = CaptureOptions()
    captureOptions.filter = try PacketFilter("tcp")
    var session = try CaptureSession(captureOptions)
    try session.attach(to: DemoNetwork.serverInterface, in: network.server)
    try session.attach(to: DemoNetwork.clientInterface, in: network.client)
    for attachment in session.attachments { StandardError.write(attachment.banner) }

    var options = TextOptions()
    options.usesColour = Terminal.takesColour
    let printer = PacketPrinter(.text(options), secondsFromUTC: localSecondsFromUTC())
    var output = PacketOutput(printer: printer)
    let traffic = Traffic(in: network, stop: session.stop)
    let thread = try JoinableThread { traffic.run() }
    let outcome = Result { try session.run(&output) }
    thread.join()
    let statistics = try outcome.get()
    if let error = traffic.failure { throw Failure(report: "the demonstration's traffic failed: \(error)") }
    if let error = output.failure {
      if error.errno == .brokenPipe { return }
      throw Failure(report: "\(error.attempt): \(error.errno)")
    }
    StandardError.write(statistics.summary)
  }
}

/// The traffic, on a thread of its own; ends the capture when it is through.
private final class Traffic: @unchecked Sendable {
  // Sendable: `failure` is written by the one thread that runs it and read after that has been joined.
  private let network: DemoNetwork
  private let stop: Notification
  private(set) var failure: SystemCallError?

  init(in network: consuming DemoNetwork, stop: Notification) {
    self.network = network
    self.stop = stop
  }

  func run() {
    do throws(SystemCallError) {
      try DemoTraffic.run(in: network)
      // The last packets are acknowledgements that nobody waits for.
      sleepMilliseconds(100)
    } catch { failure = error }
    stop.give()
  }
}
