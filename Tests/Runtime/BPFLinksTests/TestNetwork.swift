import BPFLinks
import Glibc
import LinuxCalls
import ProcessState
import RouteNetlink
import Testing

/// A network namespace of a test's own, with loopback and a pair of interfaces, `left` and `right`, which are each other's
/// other end. It goes with the value.
struct TestNetwork: ~Copyable, Sendable {
  let namespace: NetworkNamespace
  /// A path that stands for the namespace.
  var path: String { "/proc/self/fd/\(namespace.descriptor.number)" }

  enum Pair { case veth, netkit }

  init(_ pair: Pair = .veth) throws {
    if geteuid() != 0 { try Test.cancel("needs root: makes network namespaces") }
    let made = try NetworkNamespace()
    try Self.run(in: made) {
      let here = try NetworkNamespace.current()
      let socket = try RouteSocket()
      switch pair {
      case .veth: try socket.createVethPair("left", peer: "right", peerNamespace: here)
      case .netkit: try socket.createNetkitPair("left", peer: "right", peerNamespace: here)
      }
      for interface in try socket.interfaces() { try socket.setUp(interface) }
    }
    namespace = made
  }

  /// Runs on the calling thread, which is inside the namespace meanwhile: on another, the failures of expectations would
  /// belong to no test.
  @discardableResult
  borrowing func inside<Value: ~Copyable>(_ body: () throws -> Value) throws -> Value {
    try Self.run(in: namespace, body)
  }

  private static func run<Value: ~Copyable>(
    in namespace: borrowing NetworkNamespace, _ body: () throws -> Value
  ) throws -> Value {
    let home = try NetworkNamespace.current()
    try #require(enter_network_namespace(namespace.descriptor.number) == 0)
    defer { #expect(enter_network_namespace(home.descriptor.number) == 0) }
    return try body()
  }

  static func interface(_ name: String) throws -> NetworkInterface {
    try #require(try RouteSocket().interface(named: name))
  }

  /// Sends frames out of an interface, to everybody at the other end; for use inside.
  static func sendFrames(from name: String = "left", count: Int = 3) throws {
    let socket = try PacketSocket(sendingFrom: try interface(name).index)
    // To everybody, from nobody; IPv4, a UDP datagram of no length between unspecified addresses.
    let header = [UInt8](repeating: 0xff, count: 6) + [2, 0, 0, 0, 0, 1, 8, 0]
    let datagram: [UInt8] = [
      0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0x3a, 0xd1, 127, 0, 0, 1, 127, 0, 0, 1, 0, 9, 0, 9, 0, 8, 0, 0,
    ]
    for _ in 0..<count { try socket.send(header + datagram + [UInt8](repeating: 0, count: 18)) }
  }
}

/// What of the running kernel decides whether a test can run.
enum KernelSymbol {
  private static let all: Set<Substring> = {
    let text = (try? contents(ofFile: "/proc/kallsyms")) ?? []
    return Set(
      String(decoding: text, as: UTF8.self).split(separator: "\n").compactMap {
        $0.split(separator: " ", maxSplits: 3).dropFirst(2).first?.split(separator: "\t").first
      })
  }()

  /// Cancels the test where the kernel has no function of the name, which is what the feature is made of.
  static func require(_ name: String, for feature: String) throws {
    if !all.contains(Substring(name)) { try Test.cancel("this kernel has no \(feature): no \(name) in /proc/kallsyms") }
  }
}

extension KernelSymbol {
  /// The same for a member of `enum bpf_attach_type`, which the kernel's BTF names.
  static func require(attachType name: String) throws {
    let types = try contents(ofFile: "/sys/kernel/btf/vmlinux")
    if !types.split(separator: 0).contains(where: { $0.elementsEqual(name.utf8) }) {
      try Test.cancel("this kernel's BTF has no \(name)")
    }
  }
}

/// Whether something becomes true within some seconds, for what the kernel does later.
func eventually(_ condition: () throws -> Bool) rethrows -> Bool {
  let end = ContinuousClock.now + .seconds(20)
  repeat {
    if try condition() { return true }
    usleep(20_000)
  } while ContinuousClock.now < end
  return try condition()
}

/// Why a link does not end as it should.
func endOf(_ link: consuming Link) -> Errno? {
  do throws(LinkError) { try link.detach() } catch { return error.cause.errno }
  return nil
}
