internal import CLinux
import Glibc

/// What the kernel answered to a call that failed: a value of errno(3).
public struct Errno: RawRepresentable, Hashable, Sendable {
  public let rawValue: CInt
  public init(rawValue: CInt) { self.rawValue = rawValue }

  public static let notPermitted = Errno(rawValue: EPERM)
  public static let noSuchFile = Errno(rawValue: ENOENT)
  public static let interrupted = Errno(rawValue: EINTR)
  public static let argumentListTooLong = Errno(rawValue: E2BIG)
  public static let badDescriptor = Errno(rawValue: EBADF)
  public static let tryAgain = Errno(rawValue: EAGAIN)
  public static let outOfMemory = Errno(rawValue: ENOMEM)
  public static let accessDenied = Errno(rawValue: EACCES)
  public static let busy = Errno(rawValue: EBUSY)
  public static let exists = Errno(rawValue: EEXIST)
  public static let noSuchDevice = Errno(rawValue: ENODEV)
  public static let invalidArgument = Errno(rawValue: EINVAL)
  public static let noSpace = Errno(rawValue: ENOSPC)
  public static let brokenPipe = Errno(rawValue: EPIPE)
  public static let notImplemented = Errno(rawValue: ENOSYS)
  public static let notSupported = Errno(rawValue: EOPNOTSUPP)
  public static let noBuffers = Errno(rawValue: ENOBUFS)
  public static let illegalSequence = Errno(rawValue: EILSEQ)
  public static let noSuchProcess = Errno(rawValue: ESRCH)
  public static let addressNotAvailable = Errno(rawValue: EADDRNOTAVAIL)
  public static let addressFamilyNotSupported = Errno(rawValue: EAFNOSUPPORT)
  public static let connectionRefused = Errno(rawValue: ECONNREFUSED)
  public static let connectionReset = Errno(rawValue: ECONNRESET)
  public static let timedOut = Errno(rawValue: ETIMEDOUT)
  /// `ENOTSUPP`: what some parts of the kernel say for `EOPNOTSUPP`. No header of user space has it.
  public static let notSupportedInKernel = Errno(rawValue: 524)
  public static let inProgress = Errno(rawValue: EINPROGRESS)

  /// The C name, such as `EPERM`; `errno 4711` where the C library has none.
  public var name: String {
    if self == .notSupportedInKernel { return "ENOTSUPP" }
    guard let name = unsafe linux_errno_name(rawValue) else { return "errno \(rawValue)" }
    return unsafe String(cString: name)
  }

  /// The C library's words, such as `Operation not permitted`.
  public var message: String {
    if self == .notSupportedInKernel { return Errno.notSupported.message }
    guard let message = unsafe linux_errno_message(rawValue) else { return "unknown error" }
    return unsafe String(cString: message)
  }
}

extension Errno: CustomStringConvertible {
  public var description: String { "\(message) (\(name))" }
}

/// A system call that failed.
public struct SystemCallError: Error, Hashable, Sendable {
  /// The call and, where it has one, its command: `close`, `bpf(BPF_PROG_LOAD)`.
  public let call: String
  public let errno: Errno

  public init(call: String, errno: Errno) {
    self.call = call
    self.errno = errno
  }
}

extension SystemCallError: CustomStringConvertible {
  public var description: String { "\(call): \(errno)" }
}

/// Turns a shim's result, negative where it carries an errno, into a value or an error.
package func checked<T: SignedInteger>(_ call: @autoclosure () -> String, _ result: T) throws(SystemCallError) -> T {
  guard result >= 0 else { throw SystemCallError(call: call(), errno: Errno(rawValue: CInt(-result))) }
  return result
}

/// The same, repeating a call that a signal interrupted.
package func retrying<T: SignedInteger>(
  _ call: @autoclosure () -> String, _ operation: () -> T
) throws(SystemCallError) -> T {
  while true {
    let result = operation()
    if result == -T(EINTR) { continue }
    return try checked(call(), result)
  }
}
