import BPFLoader
import LinuxCalls
import Synchronization

/// What keeps a program at its hook, and ends that when it goes: one case for each mechanism of the kernel.
enum Attachment: ~Copyable, Sendable {
  case kernelLink(KernelLink)
  /// A perf event that runs the program: closing it ends that.
  case perfEvent(PerfEvent)
  case tracefs(TracefsProbe)
  case xdp(XDPAttachment)
  case usdt(USDTAttachment)
  case classifier(ClassifierAttachment)
  case program(ProgramAttachment)
  case socket(SocketAttachment)
  /// One for each of several places, such as the processors.
  case several([Part])

  /// Attachments have one owner each, and an array only holds what can have many.
  final class Part: Sendable {
    private let attachment: Mutex<Attachment?>

    init(_ attachment: consuming Attachment) { self.attachment = Mutex(consume attachment) }

    func pin(at path: String) throws(SystemCallError) {
      try attachment.withLock { (attachment) throws(SystemCallError) in try attachment?.pin(at: path) }
    }

    func update(to program: Program, replacing old: Program?) throws(SystemCallError) {
      try attachment.withLock { (attachment) throws(SystemCallError) in
        try attachment?.update(to: program, replacing: old)
      }
    }

    func end() throws(SystemCallError) {
      try attachment.withLock { (attachment) throws(SystemCallError) in
        if let attachment = attachment.take() { try attachment.end() }
      }
    }
  }

  borrowing func pin(at path: String) throws(SystemCallError) {
    switch self {
    case .kernelLink(let link): try link.pin(at: path)
    case .usdt(let usdt): try usdt.pin(at: path)
    default: throw SystemCallError(call: "bpf(BPF_OBJ_PIN)", errno: .notSupported)
    }
  }

  /// - Parameter old: the program that has to be there. What is not a link is updated only where its own program is.
  borrowing func update(to program: Program, replacing old: Program?) throws(SystemCallError) {
    switch self {
    case .kernelLink(let link):
      try BPF.update(link.descriptor, to: program.descriptor, replacing: old?.descriptor.number)
    case .perfEvent: throw SystemCallError(call: "ioctl(PERF_EVENT_IOC_SET_BPF)", errno: .notSupported)
    case .tracefs: throw SystemCallError(call: "ioctl(PERF_EVENT_IOC_SET_BPF)", errno: .notSupported)
    case .xdp(let xdp): try xdp.update(to: program, replacing: old)
    case .classifier(let filter): try filter.update(to: program, replacing: old)
    case .program(let attached): try attached.update(to: program, replacing: old)
    case .socket(let socket): try socket.update(to: program)
    // What tells of the arguments is in the maps of the program that is there.
    case .usdt: throw SystemCallError(call: "bpf(BPF_LINK_UPDATE)", errno: .notSupported)
    case .several(let parts): for part in parts { try part.update(to: program, replacing: old) }
    }
  }

  /// Ends the attachment; a link's also where it is pinned, or another process has it.
  consuming func end() throws(SystemCallError) {
    switch consume self {
    case .kernelLink(let link): link.end()
    case .perfEvent(let event): try event.close()
    case .tracefs(let probe): try probe.end()
    case .xdp(let xdp): try xdp.end()
    case .classifier(let filter): try filter.end()
    case .program(let attached): try attached.end()
    case .socket(let socket): try socket.end()
    case .usdt(let usdt): try usdt.end()
    case .several(let parts): for part in parts { try part.end() }
    }
  }

  /// What the kernel tells of a link; `nil` for what is none.
  borrowing func information() throws(SystemCallError) -> BPF.LinkInformation? {
    switch self {
    case .kernelLink(let link): try BPF.information(ofLink: link.descriptor)
    default: nil
    }
  }

  /// A file that runs an iterator's program while it is read.
  borrowing func createIterator() throws(SystemCallError) -> FileDescriptor {
    switch self {
    case .kernelLink(let link): return try BPF.createIterator(link.descriptor)
    default: throw SystemCallError(call: "bpf(BPF_ITER_CREATE)", errno: .notSupported)
    }
  }

  /// Has an attachment that outlives the process taken back also when a signal ends that.
  borrowing func detachBeforeDeath() throws(SystemCallError) -> LastMessage? {
    switch self {
    case .xdp(let xdp): try xdp.detachBeforeDeath()
    case .classifier(let filter): try filter.detachBeforeDeath()
    default: nil
    }
  }
}
