/// Numbers that registers may have together, each as it lies in a packet.
struct FilterList: Hashable {
  let wordCount: Int
  /// One number for each word, key after key.
  private let numbers: [UInt32]

  init(_ keys: [UInt32], of loads: [Load]) {
    wordCount = loads.count
    numbers = keys.enumerated().map { index, number in loads[index % loads.count].inMemory(number) }
  }

  var keyCount: Int { numbers.count / wordCount }

  func number(_ key: Int, _ word: Int) -> UInt32 { numbers[key * wordCount + word] }

  func isSame(_ word: Int, in keys: ArraySlice<Int>) -> Bool {
    guard let first = keys.first.map({ number($0, word) }) else { return true }
    return keys.allSatisfy { number($0, word) == first }
  }

  /// The word that tells most keys apart.
  func best(of words: [Int], for keys: ArraySlice<Int>) -> Int? {
    guard words.count > 1 else { return words.first }
    return words.map { word in (word, Set(keys.map { number($0, word) }).count) }.max { $0.1 < $1.1 }?.0
  }

  /// By the values of a word, ascending.
  func groups(of keys: ArraySlice<Int>, by word: Int) -> [ArraySlice<Int>] {
    let sorted = keys.sorted { number($0, word) < number($1, word) }
    var groups: [ArraySlice<Int>] = []
    var start = 0
    for index in sorted.indices
    where index + 1 == sorted.count || number(sorted[index], word) != number(sorted[index + 1], word) {
      groups.append(sorted[start...index])
      start = index + 1
    }
    return groups
  }
}
