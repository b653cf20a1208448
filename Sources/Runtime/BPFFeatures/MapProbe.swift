import BPFObjectFile
import BPFTypes
import LinuxCalls

/// Creates the smallest maps there are, to see whether the kernel knows their type.
struct MapProbe {
  let type: MapType
  let missing: [Capability]

  private static let noPreallocation: UInt32 = 1

  var answer: Feature.Answer {
    var attributes = BPF.MapAttributes()
    attributes.type = type.rawValue
    (attributes.keySize, attributes.valueSize, attributes.maxEntries) = (4, 4, 1)
    var btf: FileDescriptor?
    var inner: FileDescriptor?
    switch type {
    case .stackTrace: attributes.valueSize = 8
    case .lpmTrie: (attributes.keySize, attributes.flags) = (8, Self.noPreallocation)
    case .cgroupStorage, .perCPUCgroupStorage:
      (attributes.keySize, attributes.valueSize, attributes.maxEntries) = (16, 8, 0)
    case .queue, .stack, .bloomFilter: attributes.keySize = 0
    case .ringBuffer, .userRingBuffer:
      (attributes.keySize, attributes.valueSize, attributes.maxEntries) = (0, 0, UInt32(pageSize))
    case .arena:
      (attributes.keySize, attributes.valueSize, attributes.flags) = (0, 0, MapFlags.mappable.rawValue)
    // Type 1 is none of the kernel's structures of operations.
    case .structOps: attributes.kernelValueType = 1
    case .instructionArray: attributes.valueSize = 16
    case .resizableHash: attributes.flags = Self.noPreallocation
    case .skStorage, .inodeStorage, .taskStorage, .cgrpStorage:
      // These want to know the types of their keys and values.
      var types = BTFEncoder()
      let integer = types.add(name: "int", kind: .integer, [4, 1 << 24 | 32])
      do { btf = try unsafe BPF.loadBTF(types.bytes.span.bytes) } catch {
        return Feature.Answer(refusal: error.error, missing: missing)
      }
      (attributes.keyType, attributes.valueType) = (integer.rawValue, integer.rawValue)
      (attributes.maxEntries, attributes.flags) = (0, Self.noPreallocation)
    case .arrayOfMaps, .hashOfMaps:
      var one = BPF.MapAttributes()
      (one.type, one.keySize, one.valueSize, one.maxEntries) = (MapType.hash.rawValue, 4, 4, 1)
      do { inner = try BPF.createMap(one, name: "probe", btf: nil) } catch {
        return Feature.Answer(refusal: error, missing: missing)
      }
    default: break
    }
    if let number = inner?.number { attributes.innerMap = number }
    do {
      _ = try BPF.createMap(attributes, name: "probe", btf: btf)
      return .yes
    } catch {
      // ENOTSUPP, which no C library knows: what is not supported is the structure.
      if type == .structOps, error.errno == Errno(rawValue: 524) { return .yes }
      return Feature.Answer(refusal: error, missing: missing)
    }
  }
}
