package import BPFTypes

extension CORERecord {
  /// How C would write the access: `struct task_struct.mm.owner`, `enum bpf_map_type.BPF_MAP_TYPE_HASH`, a type's name.
  package func spelling(in btf: BTF) -> String {
    guard let root = try? btf.record(type), let name = try? btf.name(of: root) else { return "type \(type.rawValue)" }
    let keyword: String
    switch root.kind {
    case .structure: keyword = "struct "
    case .union: keyword = "union "
    case .enumeration, .enumeration64: keyword = "enum "
    default: keyword = ""
    }
    var text = keyword + (name.isEmpty ? "(anonymous)" : name)
    guard let access = try? COREAccess(self, in: btf) else { return text + "?" + self.access }
    for (index, step) in access.steps.enumerated() {
      if let name = step.name {
        text += ".\(name)"
      } else if index > 0 || step.index > 0 {
        text += "[\(step.index)]"
      }
    }
    return text
  }
}

extension CORERecord.Kind {
  /// What is wanted of the access, before its spelling: `byte offset of struct task_struct.pid`.
  package var phrase: String {
    switch self {
    case .fieldByteOffset: "byte offset of"
    case .fieldByteSize: "byte size of"
    case .fieldExists, .typeExists, .enumeratorExists: "existence of"
    case .fieldSigned: "signedness of"
    case .fieldLeftShift: "left shift of"
    case .fieldRightShift: "right shift of"
    case .localTypeID: "number in this BTF of"
    case .targetTypeID: "number in the kernel's BTF of"
    case .typeSize: "size of"
    case .enumeratorValue: "value of"
    case .typeMatches: "match of"
    }
  }
}
