/// A few values by their keys, which are looked for one after the other: with less than ten of them that takes less than hashing.
struct ShortTable<Key: Equatable, Value> {
  private(set) var entries: [(key: Key, value: Value)] = []

  subscript(key: Key) -> Value? {
    get { entries.first { $0.key == key }?.value }
    set {
      let place = entries.firstIndex { $0.key == key }
      switch (place, newValue) {
      case (let place?, let value?): entries[place].value = value
      case (let place?, nil): entries.remove(at: place)
      case (nil, let value?): entries.append((key, value))
      case (nil, nil): break
      }
    }
  }

  func kept(_ isKept: (Key, Value) -> Bool) -> ShortTable {
    var table = self
    table.entries.removeAll { !isKept($0.key, $0.value) }
    return table
  }
}
