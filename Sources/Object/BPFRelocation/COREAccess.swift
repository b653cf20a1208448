import BPFInstructions
import BPFTypes

/// The way from a type to a part of it, in one BTF: what an access string such as `0:1:2` stands for, or what the kernel
/// has in its place.
struct COREAccess {
  struct Step {
    /// The structure, array element or enumeration that the step is taken in.
    let type: BTF.TypeID
    let index: Int
    /// Of the member or enumerator; `nil` for an index into an array.
    let name: String?
  }

  let btf: BTF
  let root: BTF.TypeID
  var steps: [Step] = []
  /// How far the part lies from where the access begins, in bits.
  var bitOffset = 0

  /// libbpf's own limit, BPF_CORE_SPEC_MAX_LEN.
  static let stepLimit = 64

  init(btf: BTF, root: BTF.TypeID) {
    self.btf = btf
    self.root = root
  }

  /// Reads a record's access string.
  init(_ record: CORERecord, in btf: BTF) throws(COREError.Reason) {
    self.init(btf: btf, root: record.type)
    var indices: [Int] = []
    for part in record.access.split(separator: ":", omittingEmptySubsequences: false) {
      guard let index = Int(part), index >= 0, index <= Int(Int32.max) else { throw .badAccess }
      indices.append(index)
    }
    guard let first = indices.first, indices.count <= Self.stepLimit else { throw .badAccess }
    guard record.kind.isOfField || record.kind.isOfEnumerator else {
      guard indices == [0] else { throw .badAccess }
      return
    }
    do throws(BTFError) {
      var id = try btf.resolvedID(record.type)
      if record.kind.isOfEnumerator {
        let enumeration = try btf.record(id)
        guard enumeration.isEnumeration, indices.count == 1 else { throw BadAccess.error }
        let enumerators = try btf.enumerators(of: enumeration)
        guard first < enumerators.count else { throw BadAccess.error }
        steps.append(Step(type: id, index: first, name: enumerators[first].name))
        return
      }
      steps.append(Step(type: id, index: first, name: nil))
      try skip(first, ofSize: try btf.size(of: id))
      for index in indices.dropFirst() {
        let record = try btf.resolve(id)
        switch record.kind {
        case .structure, .union:
          guard index < record.itemCount else { throw BadAccess.error }
          let member = try btf.member(index, of: record)
          bitOffset += member.bitOffset
          // A step through an anonymous member leaves no trace: the kernel may have the rest elsewhere.
          if !member.name.isEmpty { steps.append(Step(type: record.id, index: index, name: member.name)) }
          id = member.type
        case .array:
          let array = try btf.array(record)
          let isFlexible = try isFlexible(array.count)
          guard index < array.count || isFlexible else { throw BadAccess.error }
          id = try btf.resolvedID(array.element)
          steps.append(Step(type: id, index: index, name: nil))
          try skip(index, ofSize: try btf.size(of: id))
        default: throw BadAccess.error
        }
      }
    } catch {
      throw error == BadAccess.error ? .badAccess : .objectTypes(error)
    }
  }

  /// Tells a bad access string from bad BTF, where only the latter's errors can be thrown.
  private enum BadAccess {
    static let error = BTFError(.noSuchType, at: -1)
  }

  mutating func skip(_ count: Int, ofSize size: Int) throws(BTFError) {
    let (bits, overflow) = size.multipliedReportingOverflow(by: 8)
    let (distance, overflow2) = bits.multipliedReportingOverflow(by: count)
    let (sum, overflow3) = bitOffset.addingReportingOverflow(distance)
    // Far beyond any instruction's reach, and far from where a few more members would overflow.
    guard !overflow, !overflow2, !overflow3, sum < 1 << 48 else { throw BTFError(.tooLarge, at: 0) }
    bitOffset = sum
  }

  /// Whether an array at the end of the steps has no size of its own: no element, and last in its structure.
  func isFlexible(_ elementCount: Int) throws(BTFError) -> Bool {
    guard elementCount == 0, let last = steps.last, last.name != nil else { return false }
    return last.index == (try btf.record(last.type)).itemCount - 1
  }
}
