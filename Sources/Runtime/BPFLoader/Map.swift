public import BPFObjectFile
package import LinuxCalls
package import Synchronization

/// A map in the kernel. The descriptor closes with the last reference; the map lives as long as a program uses it.
///
/// Everything here may be done while programs, and others, use the map too. docs/internals/maps.md tells what the kernel
/// then promises.
public final class Map: Sendable {
  public let spec: MapSpec
  package let descriptor: FileDescriptor
  /// How many bytes the kernel reads and writes for one value.
  package let valueByteCount: Int
  /// The elements of an array that what is attached has taken for itself (USDT).
  package let takenElements = Mutex<Set<UInt32>>([])

  /// The descriptor has to be of a map that is as the specification says.
  init(spec: MapSpec, descriptor: consuming FileDescriptor) {
    self.spec = spec
    self.descriptor = descriptor
    valueByteCount = spec.valueByteCount
  }

  public var name: String { spec.name }

  /// Whether each possible CPU has its own value.
  public var isPerCPU: Bool { spec.isPerCPU }
}

extension MapSpec {
  /// Whether each possible CPU has its own value.
  var isPerCPU: Bool {
    [.perCPUArray, .perCPUHash, .lruPerCPUHash, .perCPUCgroupStorage].contains(type)
  }

  /// How many bytes the kernel reads and writes for one value: for a per-CPU map one value per possible CPU, each rounded
  /// up to 8 bytes, one after the other.
  fileprivate var valueByteCount: Int {
    switch type {
    // A descriptor goes in, a number comes out.
    case .arrayOfMaps, .hashOfMaps, .programArray, .perfEventArray, .cgroupArray: 4
    case _ where isPerCPU: (Int(valueSize) + 7) / 8 * 8 * Self.cpuCount
    default: Int(valueSize)
    }
  }

  /// Does not change while the system runs. Where it cannot be read, as many as any kernel is built for: too much room does
  /// no harm, too little would.
  private static let cpuCount = (try? possibleCPUCount()) ?? 8192
}
