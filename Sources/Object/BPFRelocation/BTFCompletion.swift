import BPFObjectFile
import BPFTypes

extension BTF {
  /// The object's types as BPF_BTF_LOAD takes them: declarations of what the kernel has become definitions, since the
  /// kernel knows no extern variables in an object's BTF, and hidden functions become static.
  func completed(for object: ObjectSpec, settings: KernelSettings) throws(BTFError) -> BTF {
    var words: [(offset: Int, value: UInt32)] = []
    var appended: BTFAddition?
    for (name, section) in try dataSections() {
      switch name {
      case ".ksyms":
        let stand = try standIn(for: section)
        appended = stand.addition
        words += try symbolWords(section, standIn: stand)
      case ".kconfig":
        words += try settingWords(section, object: object, settings: settings)
      default: break
      }
    }
    for function in object.subprograms where function.isHidden {
      guard let id = try types(named: function.name, kinds: [.function]).first else { continue }
      words.append((try record(id).offset + 4, Kind.function.info() | Linkage.static))
    }
    let completed = BTF(self, replacing: words)
    return try appended.map { (addition) throws(BTFError) in try completed.appending(addition) } ?? completed
  }

  /// A variable that stands in the section for each function, which the kernel would not take there.
  private struct StandIn {
    /// 0 where no function needs it.
    var variable: UInt32 = 0
    var nameOffset: UInt32 = 0
    /// The first 32-bit integer of the object, which all the variables get for their type.
    var integer: UInt32 = 0
    var addition: BTFAddition?
  }

  private func standIn(for section: Record) throws(BTFError) -> StandIn {
    var result = StandIn()
    for id in ownTypes {
      let record = try record(TypeID(rawValue: id))
      guard record.kind == .integer, try encoding(of: record).bitCount == 32 else { continue }
      result.integer = id
      break
    }
    var hasFunction = false
    for variable in try variables(of: section) where try record(variable.type).kind == .function { hasFunction = true }
    guard hasFunction else { return result }
    let name = "dummy_ksym"
    let known = try stringOffset(of: name)
    result.nameOffset = known ?? UInt32(stringByteCount)
    result.variable = UInt32(typeCount) + 1
    // struct btf_type, and struct btf_var with the linkage of a definition.
    result.addition = BTFAddition(
      words: [result.nameOffset, Kind.variable.info(), result.integer, Linkage.global],
      string: known == nil ? name : nil)
    return result
  }

  private func symbolWords(_ section: Record, standIn: StandIn) throws(BTFError) -> [(offset: Int, value: UInt32)] {
    var words: [(offset: Int, value: UInt32)] = []
    var offset: UInt32 = 0
    for variable in try variables(of: section) {
      let record = try record(variable.type)
      if record.kind == .function {
        let prototype = try self.record(record.referent)
        for (index, parameter) in try parameters(of: prototype).enumerated()
        where parameter.type != .void && parameter.name.isEmpty {
          words.append((prototype.bodyOffset + index * 8, standIn.nameOffset))
        }
        words.append((variable.recordOffset, standIn.variable))
        words.append((record.offset + 4, Kind.function.info() | Linkage.global))
      } else {
        words.append((record.bodyOffset, Linkage.global))
        words.append((record.offset + 8, standIn.integer))
      }
      words.append((variable.recordOffset + 4, offset))
      words.append((variable.recordOffset + 8, 4))
      offset += 4
    }
    words.append((section.offset + 8, offset))
    return words
  }

  private func settingWords(
    _ section: Record, object: ObjectSpec, settings: KernelSettings
  ) throws(BTFError) -> [(offset: Int, value: UInt32)] {
    var words: [(offset: Int, value: UInt32)] = [(section.offset + 8, UInt32(clamping: settings.contents.count))]
    var places: [(variable: SectionVariable, offset: Int)] = []
    for variable in try variables(of: section) {
      let record = try record(variable.type)
      let name = try name(of: record)
      guard let index = object.externs.firstIndex(where: { $0.name == name }), let offset = settings.offsets[index]
      else { return [] }
      words.append((record.bodyOffset, Linkage.global))
      places.append((variable, offset))
    }
    return words + self.words(of: section, moving: places)
  }
}
