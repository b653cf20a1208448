import BPFTypes

extension CORERecord.Kind {
  /// What is wanted of the access, before its spelling: `byte offset of struct task_struct.pid`.
  var phrase: String {
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

  /// libbpf's and the verifier's word for it, in JSON.
  package var kernelName: String {
    switch self {
    case .fieldByteOffset: "byte_off"
    case .fieldByteSize: "byte_sz"
    case .fieldExists: "field_exists"
    case .fieldSigned: "signed"
    case .fieldLeftShift: "lshift_u64"
    case .fieldRightShift: "rshift_u64"
    case .localTypeID: "local_type_id"
    case .targetTypeID: "target_type_id"
    case .typeExists: "type_exists"
    case .typeSize: "type_size"
    case .enumeratorExists: "enumval_exists"
    case .enumeratorValue: "enumval_value"
    case .typeMatches: "type_matches"
    }
  }
}
