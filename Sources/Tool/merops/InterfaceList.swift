import ArgumentParser
import LinuxCalls
import RouteNetlink

/// `merops capture -D`: the interfaces, and what XDP can do there.
enum InterfaceList {
  static func print() throws(Failure) {
    do {
      let socket = try RouteSocket()
      let features = try XDPFeatures.all()
      for interface in try socket.interfaces() {
        Swift.print(line(interface, features: features?[interface.index], isKnown: features != nil))
      }
    } catch {
      throw Failure(report: "list the interfaces: \(error)")
    }
  }

  /// The names that are given with -i.
  static func check(_ names: [String]) throws(ValidationError) {
    if names.count > 1 && names.contains("any") { throw ValidationError("-i any has all interfaces already.") }
    if let twice = names.indices.first(where: { names[..<$0].contains(names[$0]) }) {
      throw ValidationError("-i \(names[twice]) is given twice.")
    }
  }

  /// As tcpdump's `1.eth0 [Up, Running]`, and then XDP.
  static func line(_ interface: NetworkInterface, features: XDPFeatures?, isKnown: Bool) -> String {
    var states: [String] = []
    if interface.isUp { states.append("Up") }
    if interface.isRunning { states.append("Running") }
    if interface.isLoopback { states.append("Loopback") }
    var line = "\(interface.index).\(interface.name)" + (states.isEmpty ? "" : " [\(states.joined(separator: ", "))]")
    line += "  XDP: " + ability(interface, features: features, isKnown: isKnown)
    if let id = interface.xdp.native { line += "; native program \(id) attached" }
    if let id = interface.xdp.generic { line += "; generic program \(id) attached" }
    return line
  }

  private static func ability(_ interface: NetworkInterface, features: XDPFeatures?, isKnown: Bool) -> String {
    guard interface.isEthernet else { return "not possible, no Ethernet headers" }
    guard isKnown else { return "generic; native is not known before Linux 6.3" }
    guard let features, features.contains(.basic) else { return "generic" }
    let names: [(XDPFeatures, String)] = [
      (.redirect, "redirect"), (.receivesRedirects, "receives redirects"), (.zeroCopySockets, "zero-copy sockets"),
      (.offload, "offload"), (.fragments, "fragments"),
    ]
    let more = names.filter { features.contains($0.0) }.map(\.1)
    return "native, generic" + (more.isEmpty ? "" : " (\(more.joined(separator: ", ")))")
  }
}
