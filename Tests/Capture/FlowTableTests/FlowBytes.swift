import CaptureEvents
import FlowTable

/// A flow's key and value as the kernel hands them out.
struct FlowBytes {
  var low: [UInt8] = [192, 0, 2, 1]
  var high: [UInt8] = [192, 0, 2, 2]
  var ports: (UInt16, UInt16) = (40000, 80)
  var interface: UInt32 = 2
  var number: UInt8 = 6
  var kind: UInt8 = 0
  var lowSide = Side()
  var highSide = Side()

  struct Side {
    var packets: UInt64 = 0
    var bytes: UInt64 = 0
    var first: UInt64 = 0
    var last: UInt64 = 0
    var sequence: UInt32 = 0
    var acknowledged: UInt32 = 0
    var flags: UInt8 = 0
    var opened = false

    var encoded: [UInt8] {
      var encoded = little(packets) + little(bytes) + little(first) + little(last)
      encoded += little(sequence) + little(acknowledged)
      encoded += (0..<8).map { flags & 1 << $0 }
      return encoded + [opened ? 1 : 0] + [UInt8](repeating: 0, count: 7)
    }
  }

  var key: [UInt8] {
    func address(_ bytes: [UInt8]) -> [UInt8] {
      bytes.count == 16 ? bytes : [UInt8](repeating: 0, count: 10) + [0xff, 0xff] + bytes
    }
    let version: UInt8 = low.count == 16 ? 6 : 4
    var key = address(low) + address(high)
    key += [ports.0, ports.1].flatMap { [UInt8($0 >> 8), UInt8(truncatingIfNeeded: $0)] }
    return key + little(interface) + [number, version, kind, 0, 0, 0, 0, 0]
  }

  var value: [UInt8] { lowSide.encoded + highSide.encoded }

  /// With so many packets of 100 bytes from `low`.
  static func of(_ packets: UInt64, port: UInt16, first: UInt64 = 1, last: UInt64 = 2) -> FlowBytes {
    var flow = FlowBytes()
    flow.ports.0 = port
    flow.lowSide.packets = packets
    flow.lowSide.bytes = packets * 100
    (flow.lowSide.first, flow.lowSide.last) = (first, last)
    return flow
  }
}

private func little<Number: FixedWidthInteger>(_ value: Number) -> [UInt8] {
  (0..<Number.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
}

extension FlowTable {
  /// Reads a map that has these flows.
  mutating func read(_ flows: [FlowBytes], at time: UInt64) throws {
    begin(at: time, sinceEpoch: 1_700_000_000_000_000_000)
    for flow in flows {
      let (key, value) = (flow.key, flow.value)
      try unsafe add(key.span.bytes, value.span.bytes)
    }
    end()
  }

  mutating func ports(
    by sort: Sort, isReversed: Bool = false, onlyActive: Bool = false, skipping: Int = 0, limit: Int = .max
  ) -> [UInt16] {
    var ports: [UInt16] = []
    forEach(by: sort, isReversed: isReversed, onlyActive: onlyActive, skipping: skipping, limit: limit) {
      ports.append($0.key.low.port)
    }
    return ports
  }
}

extension OutputBuffer {
  var text: String {
    borrowing get { withBytes { bytes in unsafe bytes.withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) } } }
  }
}
