import LinuxCalls

/// Something that a kernel can do or not, and how we know.
public struct Feature: Hashable, Sendable {
  /// `xdp`, `ringbuf`
  public let name: String
  /// Its number in the enumeration of its kind, where it is part of one.
  public let number: UInt32?
  public let answer: Answer

  public enum Answer: Hashable, Sendable {
    case yes
    /// With the cause: what the kernel answered, or lacks.
    case no(String)
    /// Not found out, mostly for want of privilege: with what stood in the way.
    case unknown(String)
  }

  init(_ name: String, number: UInt32? = nil, _ answer: Answer) {
    self.name = name
    self.number = number
    self.answer = answer
  }
}

extension Feature.Answer {
  /// What a refusal says of a feature that was tried.
  init(refusal: SystemCallError, missing: [Capability]) {
    switch refusal.errno {
    case .notPermitted, .accessDenied:
      let who = missing.isEmpty ? "forbidden here, though the capabilities are there" : "not allowed to try, lacks "
      self = .unknown("\(refusal.errno): " + who + missing.map(\.name).joined(separator: ", "))
    case .outOfMemory, .tryAgain, .noBuffers: self = .unknown("\(refusal.errno)")
    default: self = .no("\(refusal.errno)")
    }
  }
}

/// A question's heading and the answers.
public struct FeatureGroup: Hashable, Sendable {
  /// `program types`
  public let name: String
  public let features: [Feature]

  init(_ name: String, _ features: [Feature]) {
    self.name = name
    self.features = features
  }
}
