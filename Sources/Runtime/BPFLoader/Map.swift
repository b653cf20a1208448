public import BPFObjectFile
package import LinuxCalls
package import Synchronization

/// A map in the kernel. The descriptor closes with the last reference; the map lives as long as a program uses it.
public final class Map: Sendable {
  public let spec: MapSpec
  package let descriptor: FileDescriptor
  /// The elements of an array that what is attached has taken for itself (USDT).
  package let takenElements = Mutex<Set<UInt32>>([])

  init(spec: MapSpec, descriptor: consuming FileDescriptor) {
    self.spec = spec
    self.descriptor = descriptor
  }

  public var name: String { spec.name }

  /// The value of a key; for a per-CPU map one value per possible CPU, each rounded up to 8 bytes, one after the other.
  /// - Parameter key: as long as the map's keys.
  public func value(forKey key: [UInt8]) throws(LoadError) -> [UInt8] {
    do throws(SystemCallError) {
      try check(key)
      var value = [UInt8](repeating: 0, count: try byteCountOfLookup())
      try unsafe BPF.lookup(descriptor, key: key.span.bytes, into: &value)
      return value
    } catch { throw LoadError(.accessMap(spec.name), error) }
  }

  /// Sets the value of a key, whether it is there already or not.
  /// - Parameters:
  ///   - value: as ``value(forKey:)`` gives it.
  ///   - key: as long as the map's keys.
  public func set(_ value: [UInt8], forKey key: [UInt8]) throws(LoadError) {
    do throws(SystemCallError) {
      try check(key)
      guard value.count == (try byteCountOfLookup()) else {
        throw SystemCallError(call: "bpf(BPF_MAP_UPDATE_ELEM)", errno: .invalidArgument)
      }
      try unsafe BPF.update(descriptor, key: key.span.bytes, value: value.span.bytes)
    } catch { throw LoadError(.accessMap(spec.name), error) }
  }

  /// The kernel reads as many bytes as a key has, however many there are.
  private func check(_ key: [UInt8]) throws(SystemCallError) {
    guard key.count == Int(spec.keySize) else {
      throw SystemCallError(call: "bpf(BPF_MAP_LOOKUP_ELEM)", errno: .invalidArgument)
    }
  }

  /// Reads the value of a key into an array that already has the right length, as ``value(forKey:)`` gave it.
  package func read(key: [UInt8], into value: inout [UInt8]) throws(LoadError) {
    do { try unsafe BPF.lookup(descriptor, key: key.span.bytes, into: &value) } catch {
      throw LoadError(.accessMap(spec.name), error)
    }
  }

  private func byteCountOfLookup() throws(SystemCallError) -> Int {
    let isPerCPU = spec.type == .perCPUArray || spec.type == .perCPUHash
    let size = Int(spec.valueSize)
    return isPerCPU ? (size + 7) / 8 * 8 * (try possibleCPUCount()) : size
  }
}
