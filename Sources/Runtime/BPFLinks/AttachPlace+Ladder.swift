import LinuxCalls
import RouteNetlink

/// Why one way of attaching did not do.
struct RungFailure: Error {
  let call: String
  let errno: Errno
  var kernelMessage: String?

  init(_ error: SystemCallError) { (call, errno) = (error.call, error.errno) }
  init(_ error: NetlinkError) { (call, errno, kernelMessage) = (error.attempt, error.errno, error.kernelMessage) }

  static func running<Value: ~Copyable>(
    _ body: () throws(SystemCallError) -> Value
  ) throws(RungFailure) -> Value {
    do { return try body() } catch { throw RungFailure(error) }
  }
}

extension AttachPlace {
  /// Takes the first way that the kernel allows.
  /// - Parameter occupants: who is there, asked when the kernel answers that somebody is.
  func climb(
    _ rungs: [Rung], leftOversRemoved: [String] = [], occupants: () -> [String] = { [] },
    _ attach: (Rung) throws(RungFailure) -> Attachment
  ) throws(AttachError) -> Link {
    var refusals: [Refusal] = []
    for rung in rungs {
      do throws(RungFailure) {
        return Link(
          self, rung: rung, try attach(rung), refusals: refusals, leftOversRemoved: leftOversRemoved)
      } catch {
        refusals.append(
          Refusal(rung: rung, call: error.call, errno: error.errno, kernelMessage: error.kernelMessage))
        // E2BIG: a network namespace has as many programs of the kind as it takes.
        if error.errno == .busy || error.errno == .exists
          || hook == .networkNamespace && error.errno == .argumentListTooLong
        {
          throw AttachError(place: self, reason: .occupied(occupants(), refusals))
        }
        // No other way will do what this process may not, or on an interface that has gone.
        if error.errno == .notPermitted || error.errno == .accessDenied || error.errno == .noSuchDevice { break }
      }
    }
    throw AttachError(place: self, reason: .refused(refusals))
  }
}
