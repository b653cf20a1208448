import BPFLinks
import BPFLoader
import BPFObjectFile
import BPFRun
import BPFTypes
import Glibc
import LinuxCalls

/// The events of an object, as lines.
struct RunOutput: ~Copyable {
  private let format: ValueText.Format
  private let types: EventTypes?
  /// By map and length of a record, found once; `nil` for what is printed in hexadecimal.
  private var layouts: [LayoutKey: ValueText?] = [:]
  private var buffer: [UInt8] = []
  private(set) var failure: SystemCallError?

  private struct LayoutKey: Hashable {
    let map: ObjectIdentifier
    let byteCount: Int
  }

  init(json: Bool, types: EventTypes?) {
    format = json ? .json : .text
    self.types = types
  }

  mutating func write(_ event: ObjectEvent, _ bytes: RawSpan) {
    switch event {
    case .record(let map, let isPerf): write(record: bytes, of: map, isPerf: isPerf)
    case .traced: write(traced: bytes)
    }
    if buffer.count >= 1 << 16 { flush() }
  }

  private mutating func write(record: RawSpan, of map: Map, isPerf: Bool) {
    let key = LayoutKey(map: ObjectIdentifier(map), byteCount: record.byteCount)
    let value: ValueText?
    if let known = layouts[key] {
      value = known
    } else {
      value = choose(map, record.byteCount, isPerf: isPerf)
      layouts[key] = .some(value)
    }
    if format == .json {
      append("{\"map\":\"\(map.name)\",\"event\":")
    } else {
      append("\(map.name): ")
    }
    if let value {
      value.append(record, to: &buffer)
    } else {
      ValueText.append(hexadecimal: record, format, to: &buffer)
    }
    append(format == .json ? "}\n" : "\n")
  }

  /// Which type the records of a length have; said once where nobody can tell.
  private func choose(_ map: Map, _ byteCount: Int, isPerf: Bool) -> ValueText? {
    guard let types else { return nil }
    switch types.choice(ring: map.name, byteCount: byteCount, padding: isPerf ? 7 : 0) {
    case .layout(let layout, _): return ValueText(layout, format)
    case .undecided(let names):
      let which = names.isEmpty ? "no struct of the object's BTF has" : "\(names.joined(separator: ", ")) have"
      StandardError.write(
        "merops: \(map.name): \(which) \(byteCount) bytes, so such records are printed in hexadecimal"
          + " (--event \(map.name)=STRUCT names one)")
      return nil
    }
  }

  private mutating func write(traced line: RawSpan) {
    if format == .json {
      append("{\"printk\":\"")
      for index in 0..<line.byteCount {
        let byte = unsafe line.unsafeLoad(fromByteOffset: index, as: UInt8.self)
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): buffer += [UInt8(ascii: "\\"), byte]
        case 0x20...: buffer.append(byte)
        default: buffer.append(UInt8(ascii: " "))
        }
      }
      append("\"}\n")
    } else {
      append("printk: ")
      for index in 0..<line.byteCount { buffer.append(unsafe line.unsafeLoad(fromByteOffset: index, as: UInt8.self)) }
      append("\n")
    }
  }

  /// What an iterator writes, as it is.
  mutating func copy(_ reader: consuming IteratorReader) throws(SystemCallError) {
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while case let count = try reader.read(into: &chunk), count > 0 {
      buffer += chunk[..<count]
      flush()
    }
  }

  mutating func flush() {
    guard !buffer.isEmpty, failure == nil else { return }
    do { try unsafe writeAll(buffer.span.bytes, to: STDOUT_FILENO) } catch { failure = error }
    buffer.removeAll(keepingCapacity: true)
  }

  private mutating func append(_ text: String) { buffer.append(contentsOf: text.utf8) }
}
