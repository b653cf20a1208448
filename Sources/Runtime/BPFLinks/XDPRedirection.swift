public import BPFLoader
import BPFObjectFile
import ByteReading
import LinuxCalls

// Where an XDP program sends frames with `bpf_redirect_map`, and the program that runs there: elements of maps, which stay
// until they are deleted or the map goes.
extension Map {
  /// Has an element of a `devmap` or `devmap_hash` stand for an interface of the calling thread's network namespace.
  /// - Parameters:
  ///   - index: the interface's.
  ///   - program: of a section `xdp/devmap`, to run on each frame before it is sent (5.8); for values of 8 bytes only.
  public func setRedirection(
    forKey key: UInt32, toInterface index: UInt32, program: Program? = nil
  ) throws(MapError) {
    try setRedirection(key, index, program)
  }

  /// Has an element of a `cpumap` stand for a processor, which is the element's key.
  /// - Parameters:
  ///   - queueLength: how many frames may wait for the processor.
  ///   - program: of a section `xdp/cpumap`, to run on each frame there (5.9); for values of 8 bytes only.
  public func setRedirection(
    toProcessor key: UInt32, queueLength: UInt32, program: Program? = nil
  ) throws(MapError) {
    try setRedirection(key, queueLength, program)
  }

  /// `struct bpf_devmap_val`, `struct bpf_cpumap_val`: a number, then a program's descriptor, negative for none.
  private func setRedirection(_ key: UInt32, _ number: UInt32, _ program: Program?) throws(MapError) {
    var value = [number]
    if spec.valueSize >= 8 || program != nil { value.append(UInt32(bitPattern: program?.descriptor.number ?? -1)) }
    // A map whose values have no room for the program refuses the longer one.
    try set([UInt8](littleEndian: value), forKey: [UInt8](littleEndian: [key]))
  }
}
