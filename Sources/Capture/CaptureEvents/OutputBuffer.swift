/// Bytes on their way out: printers append, the caller writes them and empties the buffer for the next round.
///
/// The only file of this module with unchecked memory access. Each operation makes room for the most that it can
/// write, once, and then stores without looking again; `count <= capacity` holds between operations.
@safe public struct OutputBuffer: ~Copyable {
  @usableFromInline private(set) var start: UnsafeMutablePointer<UInt8>
  @usableFromInline private(set) var capacity: Int
  /// How many bytes wait to be written.
  @usableFromInline package internal(set) var count = 0

  package init(capacity: Int = 4096) {
    let capacity = max(capacity, 64)
    unsafe start = .allocate(capacity: capacity)
    self.capacity = capacity
  }

  deinit { unsafe start.deallocate() }

  /// Hands out the bytes without copying them.
  package borrowing func withBytes<Result, Failure: Error>(
    _ body: (RawSpan) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try body(unsafe UnsafeRawBufferPointer(start: start, count: count).bytes)
  }

  /// Empties the buffer and keeps its memory.
  package mutating func removeAll() { count = 0 }

  /// Takes back what was appended after the buffer held `count` bytes.
  package mutating func truncate(to count: Int) {
    precondition(count >= 0 && count <= self.count, "truncating to more than is there")
    self.count = count
  }

  @inlinable @inline(__always)
  mutating func reserve(_ room: Int) {
    if room > capacity &- count { grow(by: room) }
  }

  @usableFromInline @inline(never)
  mutating func grow(by room: Int) {
    let larger = max(capacity * 2, count + room)
    let copy = UnsafeMutablePointer<UInt8>.allocate(capacity: larger)
    unsafe copy.update(from: start, count: count)
    unsafe start.deallocate()
    unsafe start = copy
    capacity = larger
  }

  @inline(__always)
  package mutating func append(_ byte: UInt8) {
    reserve(1)
    unsafe start[count] = byte
    count &+= 1
  }

  /// Inlined, so that a literal becomes a few stores instead of a copy of unknown length.
  @inline(__always)
  package mutating func append(_ text: StaticString) {
    let length = text.utf8CodeUnitCount
    reserve(length)
    unsafe UnsafeMutableRawPointer(start + count).copyMemory(from: text.utf8Start, byteCount: length)
    count &+= length
  }

  package mutating func append(_ bytes: RawSpan) {
    let length = bytes.byteCount
    reserve(length)
    unsafe bytes.withUnsafeBytes { source in
      // An empty span may have no address.
      guard let base = source.baseAddress else { return }
      unsafe UnsafeMutableRawPointer(start + count).copyMemory(from: base, byteCount: length)
    }
    count += length
  }

  /// The bytes of a number, the lowest first. For files; not generic, since callers are other modules.
  package mutating func append(littleEndian value: UInt32) {
    reserve(4)
    unsafe UnsafeMutableRawPointer(start + count).storeBytes(of: value.littleEndian, as: UInt32.self)
    count &+= 4
  }

  package mutating func append(littleEndian value: UInt16) {
    reserve(2)
    unsafe UnsafeMutableRawPointer(start + count).storeBytes(of: value.littleEndian, as: UInt16.self)
    count &+= 2
  }

  package mutating func append(littleEndian a: UInt32, _ b: UInt32) {
    append(littleEndian: a)
    append(littleEndian: b)
  }

  /// The bytes, and zeros up to `byteCount`, which is at most 8 more.
  package mutating func append(_ bytes: RawSpan, paddedTo byteCount: Int) {
    reserve(byteCount + 8)
    unsafe Self.store(bytes, paddedTo: byteCount, at: UnsafeMutableRawPointer(start + count))
    count &+= byteCount
  }

  /// Seven numbers, the bytes with zeros up to `byteCount`, which is at most 8 more, and four numbers behind them: a packet's
  /// block. Inlined, and the place looked up once, since a store costs less than finding out where it goes.
  @inlinable @inline(__always)
  public mutating func append(
    littleEndian a: UInt32, _ b: UInt32, _ c: UInt32, _ d: UInt32, _ e: UInt32, _ f: UInt32, _ g: UInt32,
    _ bytes: RawSpan, paddedTo byteCount: Int, _ h: UInt32, _ i: UInt32, _ j: UInt32, _ k: UInt32
  ) {
    reserve(28 + byteCount + 16)
    let place = unsafe UnsafeMutableRawPointer(start + count)
    unsafe place.storeBytes(of: a.littleEndian, as: UInt32.self)
    unsafe place.storeBytes(of: b.littleEndian, toByteOffset: 4, as: UInt32.self)
    unsafe place.storeBytes(of: c.littleEndian, toByteOffset: 8, as: UInt32.self)
    unsafe place.storeBytes(of: d.littleEndian, toByteOffset: 12, as: UInt32.self)
    unsafe place.storeBytes(of: e.littleEndian, toByteOffset: 16, as: UInt32.self)
    unsafe place.storeBytes(of: f.littleEndian, toByteOffset: 20, as: UInt32.self)
    unsafe place.storeBytes(of: g.littleEndian, toByteOffset: 24, as: UInt32.self)
    unsafe Self.store(bytes, paddedTo: byteCount, at: place + 28)
    let end = unsafe place + 28 + byteCount
    unsafe end.storeBytes(of: h.littleEndian, as: UInt32.self)
    unsafe end.storeBytes(of: i.littleEndian, toByteOffset: 4, as: UInt32.self)
    unsafe end.storeBytes(of: j.littleEndian, toByteOffset: 8, as: UInt32.self)
    unsafe end.storeBytes(of: k.littleEndian, toByteOffset: 12, as: UInt32.self)
    count &+= 28 + byteCount + 16
  }

  /// Into room for 8 bytes more than the padded ones.
  @inlinable @inline(__always)
  static func store(_ bytes: RawSpan, paddedTo byteCount: Int, at place: UnsafeMutableRawPointer) {
    let length = bytes.byteCount
    precondition(length <= byteCount && byteCount - length <= 8, "padding of more than 8 bytes")
    unsafe bytes.withUnsafeBytes { source in
      // An empty span may have no address.
      if let base = source.baseAddress { unsafe place.copyMemory(from: base, byteCount: length) }
    }
    unsafe place.storeBytes(of: 0, toByteOffset: length, as: UInt64.self)
  }

  /// Printable ASCII as it is, a dot for anything else.
  mutating func append(graphic bytes: RawSpan) {
    let length = bytes.byteCount
    reserve(length)
    for offset in 0..<length {
      let byte = unsafe bytes.unsafeLoad(fromUncheckedByteOffset: offset, as: UInt8.self)
      unsafe start[count] = byte > 0x20 && byte < 0x7f ? byte : UInt8(ascii: ".")
      count &+= 1
    }
  }

  package mutating func append(_ bytes: [UInt8]) { append(unsafe bytes.span.bytes) }

  /// Decimal digits, without leading zeros.
  package mutating func appendDecimal(_ value: UInt64) {
    guard let short = UInt32(exactly: value) else {
      let (high, low) = value.quotientAndRemainder(dividingBy: 1_000_000_000)
      appendDecimal(high)
      reserve(9)
      writeDecimal(UInt32(truncatingIfNeeded: low), digits: 9)
      return
    }
    appendDecimal(short)
  }

  package mutating func appendDecimal(_ value: UInt32) {
    reserve(10)
    writeDecimal(value, digits: Self.digitCount(value))
  }

  package mutating func appendDecimal(_ value: UInt16) { appendDecimal(UInt32(value)) }
  package mutating func appendDecimal(_ value: UInt8) {
    reserve(3)
    writeDecimal(value)
  }

  package mutating func appendDecimal(_ value: Int) {
    if value < 0 { append(UInt8(ascii: "-")) }
    appendDecimal(UInt64(value.magnitude))
  }

  /// Exactly `width` digits, 1...10: leading zeros where the value has fewer, the low ones where it has more.
  package mutating func appendDecimal(_ value: UInt32, width: Int) {
    precondition(width >= 1 && width <= 10, "a 32-bit number has 1...10 digits")
    reserve(10)
    writeDecimal(value, digits: width)
  }

  /// `1700000000.123456789`
  package mutating func appendSeconds(nanoseconds: UInt64) {
    appendDecimal(nanoseconds / 1_000_000_000)
    append(UInt8(ascii: "."))
    appendDecimal(UInt32(nanoseconds % 1_000_000_000), width: 9)
  }

  /// Hexadecimal digits in lower case, without leading zeros.
  package mutating func appendHex(_ value: UInt64) {
    appendHex(value, width: max(1, (64 - value.leadingZeroBitCount + 3) / 4))
  }

  /// The low `width` hexadecimal digits, 1...16, in lower case.
  package mutating func appendHex(_ value: UInt64, width: Int) {
    precondition(width >= 1 && width <= 16, "a 64-bit number has 1...16 hexadecimal digits")
    reserve(16)
    var rest = value
    var index = count &+ width
    count = index
    for _ in 0..<width {
      index &-= 1
      unsafe start[index] = Self.hexDigit(rest)
      rest &>>= 4
    }
  }

  /// Two hexadecimal digits a byte.
  package mutating func appendHex(_ bytes: RawSpan) {
    let length = bytes.byteCount
    reserve(length * 2)
    for offset in 0..<length {
      let byte = UInt64(unsafe bytes.unsafeLoad(fromUncheckedByteOffset: offset, as: UInt8.self))
      unsafe start[count] = Self.hexDigit(byte &>> 4)
      unsafe start[count &+ 1] = Self.hexDigit(byte)
      count &+= 2
    }
  }

  /// Two hexadecimal digits a byte, with colons between the bytes.
  package mutating func appendColonHex(_ bytes: RawSpan) {
    let length = bytes.byteCount
    guard length > 0 else { return }
    reserve(length * 3)
    for offset in 0..<length {
      let byte = UInt64(unsafe bytes.unsafeLoad(fromUncheckedByteOffset: offset, as: UInt8.self))
      unsafe start[count] = Self.hexDigit(byte &>> 4)
      unsafe start[count &+ 1] = Self.hexDigit(byte)
      unsafe start[count &+ 2] = UInt8(ascii: ":")
      count &+= 3
    }
    count &-= 1
  }

  /// `10.0.0.1`.
  package mutating func appendIPv4(_ address: UInt32) {
    reserve(15)
    for shift in stride(from: UInt32(24), to: 0, by: -8) {
      writeDecimal(UInt8(truncatingIfNeeded: address &>> shift))
      unsafe start[count] = UInt8(ascii: ".")
      count &+= 1
    }
    writeDecimal(UInt8(truncatingIfNeeded: address))
  }

  /// Writes into room that is there already, from the last digits to the first.
  private mutating func writeDecimal(_ value: UInt32, digits: Int) {
    let pairs = unsafe Self.digitPairs.utf8Start
    let first = unsafe start + count
    count &+= digits
    var rest = value
    var left = digits
    while left >= 2 {
      let quotient = rest / 100
      let pair = Int(truncatingIfNeeded: rest &- quotient &* 100) &* 2
      rest = quotient
      left &-= 2
      unsafe first[left] = pairs[pair]
      unsafe first[left &+ 1] = pairs[pair &+ 1]
    }
    if left > 0 { unsafe first[0] = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: rest % 10) }
  }

  /// The same for a byte, of which there are many.
  @inline(__always)
  private mutating func writeDecimal(_ value: UInt8) {
    let pairs = unsafe Self.digitPairs.utf8Start
    if value >= 100 {
      unsafe start[count] = UInt8(ascii: "0") &+ value / 100
      count &+= 1
    }
    let pair = Int(value % 100) &* 2
    if value >= 10 {
      unsafe start[count] = pairs[pair]
      count &+= 1
    }
    unsafe start[count] = pairs[pair &+ 1]
    count &+= 1
  }

  private static func hexDigit(_ value: UInt64) -> UInt8 {
    let value = UInt8(truncatingIfNeeded: value & 15)
    return value < 10 ? UInt8(ascii: "0") &+ value : UInt8(ascii: "a") &- 10 &+ value
  }

  private static func digitCount(_ value: UInt32) -> Int {
    switch value {
    case ..<10: 1
    case ..<100: 2
    case ..<1000: 3
    case ..<10_000: 4
    case ..<100_000: 5
    case ..<1_000_000: 6
    case ..<10_000_000: 7
    case ..<100_000_000: 8
    case ..<1_000_000_000: 9
    default: 10
    }
  }

  private static var digitPairs: StaticString {
    """
    0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849\
    5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899
    """
  }
}
