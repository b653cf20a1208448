public import BPFLoader
import Glibc
public import LinuxCalls

/// An XDP program on an interface. The attachment ends with the value.
public struct XDPLink: ~Copyable, Sendable {
  public let interface: String
  public let rung: XDPRung
  /// The better ways that the kernel refused, best first.
  public let refusals: [XDPRefusal]
  private let descriptor: FileDescriptor

  init(interface: String, rung: XDPRung, refusals: [XDPRefusal], descriptor: consuming FileDescriptor) {
    self.interface = interface
    self.rung = rung
    self.refusals = refusals
    self.descriptor = descriptor
  }
}

/// A way of attaching that the kernel refused, and its answer.
public struct XDPRefusal: Hashable, Sendable {
  public let rung: XDPRung
  public let cause: SystemCallError
  public var reason: String { "\(cause.errno)" }
}

/// An XDP program that could not be attached.
public struct XDPAttachError: Error, Hashable, Sendable {
  public let program: String
  public let interface: String
  public let refusals: [XDPRefusal]
}
extension XDPAttachError: CustomStringConvertible {
  public var description: String { "attach \(program) to \(interface): \(refusals)" }
  public var report: String { description }
}

extension Program {
  /// Attaches the program to an interface, on the best of `rungs` that the kernel allows.
  public func attachXDP(to interface: String, rungs: [XDPRung] = XDPRung.all) throws(XDPAttachError) -> XDPLink {
    var refusals: [XDPRefusal] = []
    let index = unsafe if_nametoindex(interface)
    for rung in rungs where rung.way == .link {
      do {
        let link = try BPF.createLink(program: descriptor, interface: index, attachType: 37, flags: rung.mode.flags)
        return XDPLink(interface: interface, rung: rung, refusals: refusals, descriptor: link)
      } catch { refusals.append(XDPRefusal(rung: rung, cause: error)) }
    }
    throw XDPAttachError(program: name, interface: interface, refusals: refusals)
  }
}
