public import BPFLoader
public import BPFObjectFile
import BPFRelocation
import Glibc
import LinuxCalls

extension Program {
  /// Attaches the program to a control group of version 2: it runs for the processes in there and below, and for their
  /// sockets. What it decides together with others: all have to allow what happens.
  /// - Parameters:
  ///   - path: the cgroup's directory, such as `/sys/fs/cgroup/system.slice`.
  ///   - type: for a program whose section does not say where it runs (`cgroup/skb`).
  ///   - position: among the programs of the same cgroup; another than ``AttachPosition/last``: 6.16.
  public func attachCgroup(
    at path: String, as type: AttachType? = nil, position: AttachPosition = .last, rungs: [Rung] = Rung.cgroup
  ) throws(AttachError) -> Link {
    let place = AttachPlace(program: name, hook: .cgroup, target: path)
    let attachType = (type ?? plan.expectedAttachType).rawValue
    let directory = try place.cgroup()
    do throws(AttachError) {
      return try place.climb(rungs) { (rung) throws(RungFailure) in
        guard rung.way != .link else {
          return try link(attachType, at: UInt32(bitPattern: directory.number), position)
        }
        return try RungFailure.running { () throws(SystemCallError) in
          guard position == .last else {
            throw SystemCallError(call: "bpf(BPF_PROG_ATTACH) at a place of choice", errno: .notSupported)
          }
          return .program(
            try ProgramAttachment(self, to: .descriptor(directory.duplicate()), attachType: attachType, isShared: true))
        }
      }
    } catch {
      guard case .refused(let refusals) = error.reason, refusals.last?.errno == .badDescriptor else { throw error }
      throw place.notCgroup("it is no cgroup of version 2")
    }
  }
}

extension Rung {
  /// A link (5.7), or the older command (4.10; with others beside it, 4.15).
  public static let cgroup = [Rung(.link), Rung(.programAttach)]
}

/// What is attached to control groups.
public enum CgroupPrograms {
  /// The programs of one kind at a cgroup itself, not at those above it, in the order in which they run. Takes CAP_NET_ADMIN.
  public static func attached(at path: String, _ type: AttachType) throws(AttachError) -> [AttachedProgram] {
    let place = AttachPlace(program: "", hook: .cgroup, target: path)
    let directory = try place.cgroup()
    do throws(SystemCallError) {
      return try AttachedProgram.at(UInt32(bitPattern: directory.number), attachType: type.rawValue)
    } catch { throw AttachError(place: place, reason: .failed(error.call, error.errno)) }
  }
}

extension AttachPlace {
  fileprivate func cgroup() throws(AttachError) -> FileDescriptor {
    do { return try FileDescriptor(opening: target, flags: O_RDONLY | O_DIRECTORY) } catch {
      switch error.errno {
      case .noSuchFile: throw notCgroup("there is no such cgroup")
      case Errno(rawValue: ENOTDIR): throw notCgroup("it is no directory")
      default: throw AttachError(place: self, reason: .failed(error.call, error.errno))
      }
    }
  }

  fileprivate func notCgroup(_ reason: String) -> AttachError {
    AttachError(
      place: self,
      reason: .noTarget(
        reason,
        hint: CgroupHierarchy.mountPoint.map { "Cgroups of version 2 are directories below \($0)." }
          ?? "No hierarchy of version 2 is mounted here: mount -t cgroup2 cgroup2 DIRECTORY"))
  }
}
