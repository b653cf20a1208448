/// Questions to name servers and their answers (RFC 1035, RFC 3596), as bytes.
package enum DNSMessage {
  package enum RecordType: UInt16, Sendable, CaseIterable {
    /// IPv4 addresses, IPv6 addresses.
    case a = 1
    case aaaa = 28

    var addressByteCount: Int { self == .a ? 4 : 16 }
  }

  package enum Answer: Hashable, Sendable {
    /// Of 4 or 16 bytes; none where there is no such name, or none of its addresses are of the type.
    case addresses([[UInt8]])
    /// More than fit into a datagram.
    case truncated
    /// The server's response code: it knows nothing, or says nothing to us.
    case failure(code: UInt8)
  }

  private static let canonicalName: UInt16 = 5
  private static let internet: UInt16 = 1
  private static let headerByteCount = 12
  /// Other names of a name are followed so far.
  private static let aliasLimit = 16

  /// - Returns: `nil` for what is no name: a label is empty or longer than 63 bytes, or all of it longer than 253.
  package static func question(_ name: String, _ type: RecordType, id: UInt16) -> [UInt8]? {
    guard let name = encoded(name) else { return nil }
    let recursionDesired: UInt16 = 0x0100
    let header: [UInt16] = [id, recursionDesired, 1, 0, 0, 0]
    return header.flatMap { big($0) } + name + big(type.rawValue) + big(internet)
  }

  private static func big(_ number: UInt16) -> [UInt8] { [UInt8(number >> 8), UInt8(truncatingIfNeeded: number)] }

  private static func encoded(_ name: String) -> [UInt8]? {
    let labels = (name.hasSuffix(".") ? name.dropLast() : name[...]).utf8.split(
      separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard labels.allSatisfy({ (1...63).contains($0.count) }) else { return nil }
    var bytes: [UInt8] = []
    for label in labels { bytes += [UInt8(label.count)] + Array(label) }
    bytes.append(0)
    return bytes.count <= 255 ? bytes : nil
  }

  /// - Returns: `nil` for what does not answer the question: another's, or bytes that make no sense.
  package static func answer(_ message: [UInt8], to question: [UInt8], _ type: RecordType) -> Answer? {
    guard message.count >= question.count, question.count > headerByteCount,
      message[0..<2] == question[0..<2],
      message[2] & 0xf8 == 0x80, message[4..<6] == [0, 1],
      // The question comes back, perhaps in letters of other cases.
      lowercased(message[headerByteCount..<question.count]) == lowercased(question[headerByteCount...])
    else { return nil }
    let (code, noSuchName): (UInt8, UInt8) = (message[3] & 0x0f, 3)
    if code == noSuchName { return .addresses([]) }
    guard code == 0 else { return .failure(code: code) }
    if message[2] & 0x02 != 0 { return .truncated }

    let count = Int(message[6]) << 8 | Int(message[7])
    guard let records = records(of: message, from: question.count, count: count),
      var (name, _) = self.name(in: message, at: headerByteCount)
    else { return nil }
    for _ in 0..<aliasLimit {
      let own = records.filter { $0.name == name }
      let addresses = own.filter { $0.type == type.rawValue && $0.range.count == type.addressByteCount }
      guard addresses.isEmpty, let alias = own.first(where: { $0.type == canonicalName }),
        let (next, _) = self.name(in: message, at: alias.range.lowerBound)
      else {
        return .addresses(addresses.map { Array(message[$0.range]) })
      }
      name = next
    }
    return nil
  }

  private struct Record {
    /// In small letters, with a length before each label.
    let name: [UInt8]
    let type: UInt16
    let range: Range<Int>
  }

  /// Each takes at least eleven bytes, so that there are never many.
  private static func records(of message: [UInt8], from start: Int, count: Int) -> [Record]? {
    var records: [Record] = []
    var place = start
    for _ in 0..<count {
      guard let (name, end) = self.name(in: message, at: place), end + 10 <= message.count else { return nil }
      let length = Int(message[end + 8]) << 8 | Int(message[end + 9])
      let range = end + 10..<end + 10 + length
      guard range.upperBound <= message.count else { return nil }
      let number = { (offset: Int) in UInt16(message[end + offset]) << 8 | UInt16(message[end + offset + 1]) }
      if number(2) == internet { records.append(Record(name: name, type: number(0), range: range)) }
      place = range.upperBound
    }
    return records
  }

  /// A name, which may go on at places further ahead, and where it ends here.
  private static func name(in message: [UInt8], at start: Int) -> (name: [UInt8], end: Int)? {
    var name: [UInt8] = []
    var (place, end): (Int, Int?) = (start, nil)
    // All that it refers to lies before, so that it ends.
    var bound = start
    while place < message.count {
      let length = Int(message[place])
      switch length {
      case 0: return (name, end ?? place + 1)
      case 1...63:
        guard place + 1 + length < message.count, name.count + 1 + length < 255 else { return nil }
        name += lowercased(message[place...place + length])
        place += 1 + length
      case 0xc0...:
        guard place + 1 < message.count else { return nil }
        let target = (length & 0x3f) << 8 | Int(message[place + 1])
        guard target < bound else { return nil }
        (end, bound, place) = (end ?? place + 2, target, target)
      default: return nil
      }
    }
    return nil
  }

  private static func lowercased(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
    bytes.map { (0x41...0x5a).contains($0) ? $0 + 0x20 : $0 }
  }
}
