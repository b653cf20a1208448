/// A member that is an array, and is not there at all where it has no elements.
struct JSONArray {
  private let name: StaticString
  private var isEmpty = true

  init(_ name: StaticString) { self.name = name }

  /// Before each element.
  mutating func next(into out: inout OutputBuffer) {
    if isEmpty { PacketJSON().name(name, into: &out) }
    out.append(isEmpty ? "[" : ",")
    isEmpty = false
  }

  func end(into out: inout OutputBuffer) { if !isEmpty { out.append("]") } }
}
