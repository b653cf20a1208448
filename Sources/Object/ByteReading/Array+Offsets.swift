extension Array {
  /// The elements whose offsets lie in a range, of an array that is sorted by them. Sections with thousands of functions
  /// are cut into these, so that looking at all elements for each would take the square of the time.
  package func slice(in range: Range<Int>, by offset: (Element) -> Int) -> ArraySlice<Element> {
    func first(atLeast bound: Int) -> Int {
      var (low, high) = (startIndex, endIndex)
      while low < high {
        let middle = low + (high - low) / 2
        if offset(self[middle]) < bound { low = middle + 1 } else { high = middle }
      }
      return low
    }
    return self[first(atLeast: range.lowerBound)..<first(atLeast: range.upperBound)]
  }
}
