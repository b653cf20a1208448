public import BPFLinks
public import BPFLoader
public import BPFObjectFile
import BPFRelocation
import LinuxCalls

/// An object that is loaded and attached as far as its sections, the kernel and the targets at hand allow.
public struct ObjectRun: ~Copyable {
  /// A program that runs nowhere, and why.
  public struct LeftOut: Sendable, CustomStringConvertible {
    public let program: String
    /// In words, over several lines where the verifier spoke.
    public let reason: String
    public var description: String { "\(program): \(reason)" }
  }

  public let object: LoadedObject
  public private(set) var links: [HeldLink] = []
  public private(set) var leftOut: [LeftOut] = []

  /// Loads what of the object can be loaded.
  /// - Parameter strict: fail with the first program that cannot be.
  /// - Throws: `PlanError` or `LoadError`, also where no program is left.
  public init(_ spec: ObjectSpec, pinDirectory: String = "/sys/fs/bpf", strict: Bool = false) throws {
    var spec = spec
    var leftOut: [LeftOut] = []
    func leavesOut(_ name: String?, _ reason: String) -> Bool {
      guard !strict, let name, let index = spec.programIndex(name), spec.programs[index].isWanted,
        spec.programs.count(where: \.isWanted) > 1
      else { return false }
      spec.programs[index].isWanted = false
      leftOut.append(LeftOut(program: name, reason: reason))
      return true
    }
    while true {
      do {
        let plan = try LoadPlan(spec, kernel: .running(for: spec))
        object = try LoadedObject(loading: plan, pinDirectory: pinDirectory)
        break
      } catch let error as PlanError {
        if !leavesOut(error.program, "\(error)") { throw error }
      } catch let error as LoadError {
        guard case .loadProgram(let name, _) = error.attempt, leavesOut(name, error.report) else { throw error }
      }
    }
    self.leftOut = leftOut
  }

  /// Attaches each program by its section; what needs a target that `targets` does not have is left out.
  /// - Parameter strict: fail with the first program that cannot be attached for another reason.
  /// - Throws: `AttachError`, also where no program could be attached.
  public mutating func attach(to targets: AttachTargets, strict: Bool = false) throws(AttachError) {
    var failure: AttachError?
    for program in object.programs {
      do {
        let attached = try program.attach(to: targets, maps: object.maps)
        links += attached.links
        if let unattached = attached.unattached {
          leftOut.append(LeftOut(program: unattached.program, reason: unattached.reason))
        }
      } catch {
        if strict { throw error }
        failure = error
        leftOut.append(LeftOut(program: program.name, reason: error.report))
      }
    }
    if links.isEmpty, let failure { throw failure }
  }

  /// Gives links and maps names in a folder of a BPF file system, which keep them without a process. The folder is made.
  public func pin(in folder: String) throws {
    try makeDirectory(folder)
    for (number, held) in links.enumerated() {
      // A program on several interfaces has several links.
      let isRepeated = links[..<number].contains { $0.link.place.program == held.link.place.program }
      let name = held.link.place.program + (isRepeated ? "_\(held.link.place.target)" : "")
      try held.link.pin(at: "\(folder)/\(name.replacing("/", with: "_"))")
    }
    for map in object.maps where map.spec.section == nil && map.spec.pinning == .none {
      try map.pin(at: "\(folder)/\(map.name)")
    }
  }
}
