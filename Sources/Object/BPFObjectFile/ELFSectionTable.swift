import ByteReading

/// Finds one section of any little-endian 64-bit ELF file, such as a vmlinux or a module, without reading the rest.
package enum ELFSectionTable {
  private static let headerByteCount = 64
  private static let recordByteCount = 64

  /// - Parameter read: reads some bytes of the file from an offset on; fewer at its end.
  /// - Returns: where the section lies in the file; `nil` where there is none of the name, or no such file.
  package static func place<Failure: Error>(
    of name: String, read: (_ offset: Int, _ count: Int) throws(Failure) -> [UInt8]
  ) throws(Failure) -> Range<Int>? {
    let header = try read(0, headerByteCount)
    guard header.starts(with: [0x7f, 0x45, 0x4c, 0x46, 2, 1]), let table = try? header.read(UInt64.self, at: 40),
      let recordSize = try? header.read(UInt16.self, at: 58), let count = try? header.read(UInt16.self, at: 60),
      let namesIndex = try? header.read(UInt16.self, at: 62), recordSize == recordByteCount, namesIndex < count,
      let start = Int(exactly: table)
    else { return nil }
    let records = try read(start, Int(count) * recordByteCount)
    func range(_ index: Int) -> Range<Int>? {
      guard let offset = try? records.read(UInt64.self, at: index * recordByteCount + 24),
        let size = try? records.read(UInt64.self, at: index * recordByteCount + 32),
        case (let end, let overflow) = offset.addingReportingOverflow(size), !overflow, end <= UInt64(Int.max)
      else { return nil }
      return Int(offset)..<Int(end)
    }
    guard let namesRange = range(Int(namesIndex)), namesRange.count < 1 << 24 else { return nil }
    let names = try read(namesRange.lowerBound, namesRange.count)
    for index in 0..<Int(count) {
      guard let place = try? records.read(UInt32.self, at: index * recordByteCount),
        (try? names.cString(at: Int(place))) == name
      else { continue }
      return range(index)
    }
    return nil
  }
}
