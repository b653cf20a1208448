internal import CLinux
import Glibc

/// Sole owner of one descriptor of a network namespace (network_namespaces(7)).
///
/// A namespace made here has no name on disk: it ends with its last descriptor, socket and task, so also when the
/// process is killed. It is entered only by threads made for the purpose; no thread of the caller's ever moves.
package struct NetworkNamespace: ~Copyable, Sendable {
  /// For requests that name a namespace by descriptor, such as `IFLA_NET_NS_FD`.
  package let descriptor: FileDescriptor

  /// - Parameter descriptor: of a file that stands for a namespace.
  package init(_ descriptor: consuming FileDescriptor) { self.descriptor = descriptor }

  /// Makes a new, empty namespace: unshare(2) with CLONE_NEWNET on a thread that then ends. Needs CAP_SYS_ADMIN.
  ///
  /// Its loopback interface is down.
  package init() throws(SystemCallError) {
    self = try onNewThread { () throws(SystemCallError) in
      _ = try checked("unshare(CLONE_NEWNET)", linux_unshare(newNetwork))
      return try .current()
    }
  }

  /// The namespace of the calling thread.
  package static func current() throws(SystemCallError) -> NetworkNamespace {
    NetworkNamespace(try FileDescriptor(opening: currentPath, flags: O_RDONLY))
  }

  /// The number of the calling thread's, as the kernel's programs see it (`ns.inum`); 0, which none has, where /proc does not tell.
  package static var currentInode: UInt32 { inode(ofFile: currentPath).flatMap { UInt32(exactly: $0) } ?? 0 }

  /// /proc/self would be the main thread's, which may be in another namespace.
  private static let currentPath = "/proc/thread-self/ns/net"

  /// Runs `body` inside the namespace, on a thread of its own that ends before this returns. Needs CAP_SYS_ADMIN.
  ///
  /// Sockets made in `body` belong to the namespace for good, and may be used from any thread afterwards; so do
  /// processes started in it.
  /// - Throws: what `body` throws, or the failure of setns(2) or pthread_create(3) in the same type.
  package borrowing func run<Value: ~Copyable & Sendable, Failure: SystemCallFailure>(
    _ body: @Sendable () throws(Failure) -> Value
  ) throws(Failure) -> Value {
    let number = descriptor.number
    return try onNewThread { () throws(Failure) in
      let result = linux_setns(number, newNetwork)
      guard result == 0 else {
        throw Failure(SystemCallError(call: "setns(CLONE_NEWNET)", errno: Errno(rawValue: -result)))
      }
      return try body()
    }
  }
}

/// `CLONE_NEWNET`, include/uapi/linux/sched.h.
private let newNetwork: CInt = 0x4000_0000

/// An error type that can carry a system call's failure, its own or as a cause.
package protocol SystemCallFailure: Error {
  init(_ failure: SystemCallError)
}

extension SystemCallError: SystemCallFailure {
  package init(_ failure: SystemCallError) { self = failure }
}

/// Runs `body` on a new thread and waits for the thread's end.
private func onNewThread<Value: ~Copyable & Sendable, Failure: SystemCallFailure>(
  _ body: @Sendable () throws(Failure) -> Value
) throws(Failure) -> Value {
  let outcome = Outcome<Value, Failure>()
  var started: CInt = 0
  withoutActuallyEscaping(body) { body in
    var task: () -> Void = {
      do throws(Failure) { outcome.result = .success(try body()) } catch { outcome.result = .failure(error) }
    }
    unsafe withUnsafeMutablePointer(to: &task) { task in
      started = unsafe linux_run_on_new_thread(
        { unsafe $0?.assumingMemoryBound(to: (() -> Void).self).pointee() }, task)
    }
  }
  guard let result = outcome.result.take() else {
    throw Failure(SystemCallError(call: "pthread_create", errno: Errno(rawValue: -started)))
  }
  return try result.get()
}

/// Where the thread leaves what it made; a noncopyable value cannot be taken out of a captured variable.
private final class Outcome<Value: ~Copyable, Failure: Error> {
  var result: Result<Value, Failure>?
}

/// Moves the calling thread, and those that it starts from now on, into the network namespace that a file stands for:
/// `/proc/PID/ns/net`, or a name of `ip netns` below /run/netns. Needs CAP_SYS_ADMIN.
package func enterNetworkNamespace(_ path: String) throws(SystemCallError) {
  let file = try FileDescriptor(opening: path, flags: O_RDONLY)
  _ = try checked("setns(\(path), CLONE_NEWNET)", linux_setns(file.number, newNetwork))
}
