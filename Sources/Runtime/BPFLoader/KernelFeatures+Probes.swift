import BPFInstructions
public import BPFObjectFile
public import BPFRelocation
package import BPFTypes
package import LinuxCalls

// Support is found out by trying, since distributions take features into older kernels. A refusal for want of privilege
// says nothing and counts as support: the attempt proper will fail for the same reason, and tell.
extension KernelFeatures {
  /// What the running kernel can do, of what the object uses.
  public static func probed(for object: ObjectSpec) -> KernelFeatures {
    var features = KernelFeatures.all
    if let btf = object.btf, let used = try? btf.features() {
      for feature in BTFFeatures.each where used.contains(feature) {
        if let isSupported = try? isSupported(feature), !isSupported { features.btf.remove(feature) }
      }
    }
    if object.externs.contains(where: { $0.name == "LINUX_HAS_BPF_COOKIE" }) { features.attachCookie = hasAttachCookie }
    return features
  }

  /// Loads a BTF of a few bytes that has nothing but the feature.
  /// - Throws: where the kernel refused for another reason than the feature, mostly for want of privilege.
  package static func isSupported(_ feature: BTFFeatures) throws(SystemCallError) -> Bool {
    var types = BTFEncoder()
    let integer = types.add(name: "int", kind: .integer, [4, 1 << 24 | 32])
    switch feature {
    case .floats: types.add(name: "float", kind: .float, [4])
    case .declarationTags:
      let alias = types.add(name: "t", kind: .typedef, [integer.rawValue])
      types.add(name: "tag", kind: .declarationTag, [alias.rawValue, UInt32.max])
    case .typeTags:
      let tag = types.add(name: "tag", kind: .typeTag, [integer.rawValue])
      types.add(kind: .pointer, [tag.rawValue])
    case .wideEnumerations:
      let enumerator = types.string("E")
      types.add(name: "e", kind: .enumeration64, itemCount: 1, [8, enumerator, 0, 0])
    case .optionalSections:
      let variable = types.add(name: "v", kind: .variable, [integer.rawValue, 1])
      types.add(name: "?.data", kind: .dataSection, itemCount: 1, [4, variable.rawValue, 0, 4])
    default: return true
    }
    let bytes = types.bytes
    do {
      _ = try unsafe BPF.loadBTF(bytes.span.bytes)
      return true
    } catch {
      guard error.error.errno == .invalidArgument else { throw error.error }
      return false
    }
  }

  /// A tracepoint program that asks for its cookie.
  private static var hasAttachCookie: Bool {
    let getAttachCookie: Int32 = 174
    let instructions = [
      Instruction(opcode: Opcode.call, immediate: getAttachCookie), Instruction(opcode: Opcode.exit),
    ]
    var attributes = BPF.ProgramAttributes()
    attributes.type = ProgramType.tracepoint.rawValue
    attributes.license = "GPL"
    do {
      _ = try unsafe BPF.loadProgram(
        attributes, name: "probe", instructions: instructions.span.bytes, btf: nil, functions: [UInt32]().span.bytes,
        lines: [UInt32]().span.bytes)
      return true
    } catch {
      return error.error.errno != .invalidArgument
    }
  }
}
