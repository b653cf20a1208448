/// A pattern for names, where `*` stands for any bytes, also none, and `?` for one.
package struct Glob: Sendable {
  private let pattern: [UInt8]

  package init(_ pattern: String) { self.pattern = Array(pattern.utf8) }

  /// The longest part that is in every name.
  package var literal: String {
    let parts = pattern.split { $0 == UInt8(ascii: "*") || $0 == UInt8(ascii: "?") }
    return String(decoding: parts.max { $0.count < $1.count } ?? [], as: UTF8.self)
  }

  package func matches(_ name: ArraySlice<UInt8>) -> Bool {
    var (place, position) = (0, name.startIndex)
    // Where to go on when what follows the last star does not fit: the star then takes one byte more.
    var star: (place: Int, position: Int)?
    while position < name.endIndex {
      if place < pattern.count, pattern[place] == UInt8(ascii: "*") {
        place += 1
        star = (place, position)
      } else if place < pattern.count, pattern[place] == UInt8(ascii: "?") || pattern[place] == name[position] {
        (place, position) = (place + 1, position + 1)
      } else if let last = star {
        (place, position) = (last.place, last.position + 1)
        star = (place, position)
      } else {
        return false
      }
    }
    return pattern[place...].allSatisfy { $0 == UInt8(ascii: "*") }
  }

  package func matches(_ name: String) -> Bool { matches(Array(name.utf8)[...]) }
}
