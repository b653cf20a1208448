import ByteReading

// Looking for types by their names.
extension BTF {
  /// The types of a name among those that are not a base's, ascending.
  public func types(named name: String, kinds: Set<Kind>) throws(BTFError) -> [TypeID] {
    var found: [TypeID] = []
    for id in try types(named: [name], flavours: false)[0] where kinds.contains(try record(id).kind) {
      found.append(id)
    }
    return found
  }

  /// The types of several names, in one pass over all types that are not a base's.
  /// - Parameters:
  ///   - names: in full; nothing has an empty one.
  ///   - flavours: whether types count too whose name goes on with `___`, as CO-RE has them (`task_struct___old`).
  /// - Returns: for each of `names`, ascending.
  package func types(named names: [String], flavours: Bool) throws(BTFError) -> [[TypeID]] {
    var found = [[TypeID]](repeating: [], count: names.count)
    let wanted = names.map { Array($0.utf8) }
    // By their first two bytes, the second of which is a NUL for the shortest. Few types get past this.
    var byBeginning: [UInt16: [Int]] = [:]
    var beginnings = [Bool](repeating: false, count: 1 << 16)
    for (index, name) in wanted.enumerated() where !name.isEmpty {
      let seconds: [UInt8] = name.count > 1 ? [name[1]] : flavours ? [0, UInt8(ascii: "_")] : [0]
      for second in seconds {
        let beginning = UInt16(name[0]) | UInt16(second) << 8
        byBeginning[beginning, default: []].append(index)
        beginnings[Int(beginning)] = true
      }
    }
    guard !byBeginning.isEmpty else { return found }
    // A module's types also have names that are among the kernel's strings.
    let (kernelBytes, kernelStart) = base.first.map { ($0.storage, $0.stringsStart) } ?? (storage, stringsStart)
    let lengths = RecordLengths.all
    var next = typesStart
    for index in 0..<ownTypeCount {
      let recordOffset = next
      guard let nameOffset = storage.word(at: recordOffset), let info = storage.word(at: recordOffset + 4) else {
        break
      }
      next += lengths[info]
      guard nameOffset != 0 else { continue }
      if nameOffset < baseStringByteCount {
        look(at: index, kernelBytes, kernelStart + Int(nameOffset))
      } else {
        look(at: index, storage, stringsStart + Int(nameOffset) - baseStringByteCount)
      }
    }
    return found

    @inline(__always) func look(at index: Int, _ bytes: SharedBytes, _ place: Int) {
      guard let beginning = bytes.half(at: place), beginnings[Int(beginning)] else { return }
      for candidate in byBeginning[beginning] ?? [] {
        let name = wanted[candidate]
        guard bytes.matches(name, at: place), let next = try? bytes.read(UInt8.self, at: place + name.count),
          next == 0 || flavours && bytes.matches(Self.flavourMark, at: place + name.count)
        else { continue }
        found[candidate].append(TypeID(rawValue: UInt32(baseTypeCount + index + 1)))
      }
    }
  }

  private static let flavourMark = Array("___".utf8)

  /// Whether the string at an offset is `name`.
  package func string(at offset: UInt32, is name: [UInt8]) -> Bool {
    if offset < baseStringByteCount, let base = base.first { return base.string(at: offset, is: name) }
    let start = stringsStart + Int(offset) - baseStringByteCount
    guard storage.matches(name, at: start), let next = try? storage.read(UInt8.self, at: start + name.count) else {
      return false
    }
    return next == 0
  }
}
