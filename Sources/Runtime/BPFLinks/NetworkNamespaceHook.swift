import Glibc
import LinuxCalls

extension AttachPlace {
  /// The network namespace that the target names, by the path of a file that stands for it.
  func networkNamespace() throws(AttachError) -> FileDescriptor {
    do { return try FileDescriptor(opening: target, flags: O_RDONLY) } catch {
      guard error.errno == .noSuchFile else {
        throw AttachError(place: self, reason: .failed(error.call, error.errno))
      }
      throw AttachError(
        place: self,
        reason: .noTarget(
          "there is no such network namespace",
          hint: "'ip netns add NAME' makes /run/netns/NAME; a process's is /proc/PID/ns/net."))
    }
  }
}
