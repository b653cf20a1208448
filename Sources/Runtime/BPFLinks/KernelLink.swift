import LinuxCalls
import Synchronization

/// The kernel's own kind of attachment. It ends with the value, unless it is kept.
struct KernelLink: ~Copyable, Sendable {
  let descriptor: FileDescriptor
  private let isKept: Atomic<Bool>

  /// - Parameter isKept: somebody else has it, too, such as a pin.
  init(_ descriptor: consuming FileDescriptor, isKept: Bool = false) {
    self.descriptor = descriptor
    self.isKept = Atomic(isKept)
  }

  func pin(at path: String) throws(SystemCallError) {
    try BPF.pin(descriptor, at: path)
    isKept.store(true, ordering: .relaxed)
  }

  /// Ends it also where it is pinned.
  func end() {
    // Kernels before 5.9, and some kinds of links, know no detaching but closing.
    try? BPF.detach(descriptor)
  }

  deinit {
    // Closing would do, were it not for children that another thread starts at this moment: they have the descriptor, too,
    // until exec(2) closes it.
    if !isKept.load(ordering: .relaxed) { end() }
  }
}

extension Attachment {
  static func link(_ descriptor: consuming FileDescriptor) -> Attachment { .kernelLink(KernelLink(descriptor)) }
}
