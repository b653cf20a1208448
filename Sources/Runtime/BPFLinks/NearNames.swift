/// Which of the known names somebody may have meant.
package enum NearNames {
  /// Names that differ by little from the one that was asked for, the nearest first.
  package static func of(_ name: String, in known: [String]) -> [String] {
    let distances = known.map { (name: $0, distance: distance(Array(name.utf8), Array($0.utf8))) }
    let limit = max(1, name.utf8.count / 2)
    return distances.filter { $0.distance <= limit }.sorted { $0.distance < $1.distance }.prefix(3).map(\.name)
  }

  /// Asks whether one of them was meant; `nil` where there is none.
  package static func question(_ near: [String]) -> String? {
    near.isEmpty ? nil : "Did you mean \(near.joined(separator: " or "))?"
  }

  /// How many bytes have to be inserted, removed or changed to make one of the other.
  private static func distance(_ one: [UInt8], _ other: [UInt8]) -> Int {
    var row = Array(0...other.count)
    for (line, byte) in one.enumerated() {
      var diagonal = row[0]
      row[0] = line + 1
      for column in other.indices {
        let change = diagonal + (byte == other[column] ? 0 : 1)
        diagonal = row[column + 1]
        row[column + 1] = min(change, row[column] + 1, diagonal + 1)
      }
    }
    return row[other.count]
  }
}
