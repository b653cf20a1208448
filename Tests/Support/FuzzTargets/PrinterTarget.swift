import CaptureEvents

/// Prints any bytes as packets of any link type and length, in every format: text that no terminal obeys, and objects
/// that hold together. The first seven bytes choose how.
public func printPackets(_ bytes: [UInt8]) {
  guard bytes.count > 7 else { return }
  let linkType = linkTypes[Int(bytes[0]) % linkTypes.count]
  let more = Int(bytes[1]) | Int(bytes[2] & 3) << 8
  let options = textOptions(bytes[3], bytes[4])
  let frames = Array(bytes[7...])
  let cut = min(frames.count, Int(bytes[5]) | Int(bytes[6]) << 8)
  let (first, second) = (Array(frames[..<cut]), Array(frames[cut...]))
  for format in [.text(options), .headers, .json] as [PacketPrinter.Format] {
    // Each after the other, and after itself: a connection's second packet is printed otherwise than its first.
    var printer = PacketPrinter(format, connectionCapacity: 2)
    for frame in [first, first, second, first] {
      var buffer = OutputBuffer()
      unsafe printer.write(
        frame.span.bytes, wireLength: frame.count + more,
        arrival: PacketArrival(nanoseconds: Int64(bytes[1]) << 55, linkType: linkType),
        interfaceName: interfaceName.span.bytes, into: &buffer)
      let output = buffer.withBytes { bytes in unsafe bytes.withUnsafeBytes { unsafe Array($0) } }
      precondition(output.last == UInt8(ascii: "\n"), "the line does not end")
      if format == .json { checkObject(output) } else { checkText(output, isColoured: options.usesColour) }
    }
  }
}

private let interfaceName = Array("eth0".utf8)

/// Those that are understood, and one that is not.
private let linkTypes =
  (0...UInt16.max).map(LinkType.init(rawValue:)).filter(\.isUnderstood) + [LinkType(rawValue: 127)]

private func textOptions(_ flags: UInt8, _ choices: UInt8) -> TextOptions {
  let times: [TextOptions.Timestamps] = [.timeOfDay, .none, .epoch, .sincePrevious, .dateAndTime, .sinceFirst]
  let dumps: [TextOptions.HexDump] = [
    .none, .network, .link, .networkAndText, .linkAndText, .networkText, .linkText,
  ]
  var options = TextOptions()
  options.verbosity = Int(flags & 3)
  options.isQuiet = flags & 4 != 0
  options.showsLinkHeader = flags & 8 != 0
  options.absoluteSequenceNumbers = flags & 16 != 0
  options.showsNumber = flags & 32 != 0
  options.showsInterface = flags & 64 != 0
  options.usesColour = flags & 128 != 0
  options.hexDump = dumps[Int(choices & 15) % dumps.count]
  options.timestamps = times[Int(choices >> 4) % times.count]
  return options
}

/// Bytes of packets come out as digits or escaped; the only control characters are ours.
private func checkText(_ text: [UInt8], isColoured: Bool) {
  for byte in text {
    switch byte {
    case UInt8(ascii: "\n"), UInt8(ascii: "\t"), 0x20..<0x7f: continue
    case 0x1b where isColoured: continue
    default: fatalError("byte \(byte) in text")
    }
  }
}

/// One line of UTF-8 with one object in it, each of whose names stands there once.
private func checkObject(_ line: [UInt8]) {
  precondition(String(validating: line, as: UTF8.self) != nil, "no UTF-8")
  precondition(line.first == UInt8(ascii: "{") && line.suffix(2).elementsEqual("}\n".utf8), "no object on a line")
  var names = Set<ArraySlice<UInt8>>()
  var open: [UInt8] = []
  var index = 0
  while index < line.count - 1 {
    let byte = line[index]
    precondition(byte >= 0x20, "a control character")
    switch byte {
    case UInt8(ascii: "\""):
      let start = index + 1
      index = start
      while line[index] != UInt8(ascii: "\"") {
        precondition(line[index] >= 0x20, "a control character in a string")
        index += line[index] == UInt8(ascii: "\\") ? 2 : 1
        precondition(index < line.count - 1, "a string does not end")
      }
      guard line[index + 1] == UInt8(ascii: ":") else { break }
      precondition(names.insert(line[start..<index]).inserted, "a name stands there twice")
    case UInt8(ascii: "{"): open.append(UInt8(ascii: "}"))
    case UInt8(ascii: "["): open.append(UInt8(ascii: "]"))
    case UInt8(ascii: "}"), UInt8(ascii: "]"): precondition(open.popLast() == byte, "closes what is not open")
    default: break
    }
    index += 1
  }
  precondition(open.isEmpty, "does not close what is open")
}
