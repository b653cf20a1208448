import ByteReading

extension PacketText {
  private static let prefixFlags: [(bit: UInt8, name: StaticString)] = [
    (0x80, "onlink"), (0x40, "auto"), (0x20, "router"),
  ]

  /// The options of neighbour discovery, each on a line of its own.
  /// - Parameter length: what the lengths leave for them, perhaps less than nothing.
  /// - Returns: false where an option was not captured whole or its length cannot be.
  func writeNeighbourOptions(
    _ datagram: RawSpan, at start: Int, length: Int, into out: inout OutputBuffer
  ) throws(TruncatedError) -> Bool {
    var at = start
    var left = length
    while at < datagram.byteCount {
      guard at + 2 <= datagram.byteCount else { return false }
      guard left > 0 else { return true }
      let type = try datagram.read(UInt8.self, at: at)
      let count = try datagram.read(UInt8.self, at: at + 1)
      let end = at + Int(count) * 8
      guard count > 0, end <= datagram.byteCount else { return false }
      out.append("\n\t  ")
      out.append(NeighbourOption.name(type) ?? "unknown")
      out.append(" option (")
      out.appendDecimal(type)
      out.append("), length ")
      out.appendDecimal(end - at)
      out.append(" (")
      out.appendDecimal(count)
      out.append("): ")
      let value = datagram.extracting(at + 2..<end)
      if NeighbourOption.name(type) == nil, options.verbosity <= 1 {
        // What follows an unknown option is not looked at.
        writeHex(value, from: 0, indent: "\n\t  ", withText: false, into: &out)
        return true
      }
      guard try writeNeighbourOption(type, datagram, at: at, count: Int(count), first: start, into: &out) else {
        return false
      }
      if options.verbosity > 1 { writeHex(value, from: 0, indent: "\n\t    ", withText: false, into: &out) }
      left -= end - at
      at = end
    }
    return true
  }

  /// - Parameters:
  ///   - count: the option's length in units of 8 bytes. Fields are read where the type says, whatever the length says.
  ///   - first: where the first option begins.
  private func writeNeighbourOption(
    _ type: UInt8, _ datagram: RawSpan, at: Int, count: Int, first: Int, into out: inout OutputBuffer
  ) throws(TruncatedError) -> Bool {
    let end = at + count * 8
    switch type {
    case NeighbourOption.sourceLinkAddress, NeighbourOption.targetLinkAddress:
      out.appendColonHex(datagram.extracting(at + 2..<end))
    case NeighbourOption.prefixInformation:
      try writePrefixInformation(datagram, at: at, count: count, into: &out)
    case NeighbourOption.redirectedHeader:
      // tcpdump takes as many bytes from the first option on.
      writeHex(datagram.extracting(first..<first + count * 8), from: 0, indent: "\n\t    ", withText: false, into: &out)
    case NeighbourOption.mtu:
      out.append(" ")
      out.appendDecimal(try datagram.readBigEndian(UInt32.self, at: at + 4))
      if count != 1 { out.append("bad option length") }
    case NeighbourOption.recursiveServers:
      try writeSeconds(datagram, at: at + 4, into: &out)
      for index in 0..<(count - 1) / 2 {
        try writeAddress(" addr: ", datagram, at: at + 8 + index * 16, into: &out)
      }
    case NeighbourOption.searchList:
      try writeSeconds(datagram, at: at + 4, into: &out)
      out.append(" domain(s):")
      var name = at + 8
      while name < end, try datagram.read(UInt8.self, at: name) != 0 {
        out.append(" ")
        guard let next = try writeDomainName(datagram, at: name, base: first, into: &out) else { return false }
        name = next
      }
    case NeighbourOption.advertisementInterval:
      out.append(" ")
      out.appendDecimal(try datagram.readBigEndian(UInt32.self, at: at + 4))
      out.append("ms")
    case NeighbourOption.homeAgentInformation:
      out.append(" preference ")
      out.appendDecimal(try datagram.readBigEndian(UInt16.self, at: at + 4))
      out.append(", lifetime ")
      out.appendDecimal(try datagram.readBigEndian(UInt16.self, at: at + 6))
    case NeighbourOption.routeInformation:
      return try writeRouteInformation(datagram, at: at, count: count, into: &out)
    default: break
    }
    return true
  }

  /// RFC 4861, 4.6.2.
  private func writePrefixInformation(
    _ datagram: RawSpan, at: Int, count: Int, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    try out.appendIPv6(datagram, at: at + 16)
    out.append("/")
    out.appendDecimal(try datagram.read(UInt8.self, at: at + 2))
    if count != 4 { out.append("badlen") }
    out.append(", Flags [")
    writeNames(try datagram.read(UInt8.self, at: at + 3), Self.prefixFlags, into: &out)
    out.append("], valid time ")
    writeLifetime(try datagram.readBigEndian(UInt32.self, at: at + 4), into: &out)
    out.append(", pref. time ")
    writeLifetime(try datagram.readBigEndian(UInt32.self, at: at + 8), into: &out)
  }

  /// RFC 4191, 2.3: of the prefix, no more than 0, 8 or 16 bytes are there.
  private func writeRouteInformation(
    _ datagram: RawSpan, at: Int, count: Int, into out: inout OutputBuffer
  ) throws(TruncatedError) -> Bool {
    guard count <= 3 else { return false }
    out.append(" ")
    out.appendIPv6(
      high: count > 1 ? try datagram.readBigEndian(UInt64.self, at: at + 8) : 0,
      low: count > 2 ? try datagram.readBigEndian(UInt64.self, at: at + 16) : 0)
    out.append("/")
    out.appendDecimal(try datagram.read(UInt8.self, at: at + 2))
    out.append(", pref=")
    writePreference(try datagram.read(UInt8.self, at: at + 3), into: &out)
    out.append(", lifetime=")
    writeLifetime(try datagram.readBigEndian(UInt32.self, at: at + 4), into: &out)
    return true
  }

  private func writeSeconds(
    _ datagram: RawSpan, at offset: Int, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    out.append(" lifetime ")
    out.appendDecimal(try datagram.readBigEndian(UInt32.self, at: offset))
    out.append("s,")
  }

  private func writeLifetime(_ seconds: UInt32, into out: inout OutputBuffer) {
    guard seconds != .max else {
      out.append("infinity")
      return
    }
    out.appendDecimal(seconds)
    out.append("s")
  }

  // MARK: Names

  /// A name has at most 255 characters (RFC 1035, 2.3.4), and so no more labels.
  private static let nameLimit = 255

  /// A domain name in RFC 1035's encoding.
  /// - Parameter base: where pointers count from.
  /// - Returns: where the name ends, or nil where it cannot be followed to its end.
  private func writeDomainName(
    _ bytes: RawSpan, at start: Int, base: Int, into out: inout OutputBuffer
  ) throws(TruncatedError) -> Int? {
    var at = start
    /// Behind the first pointer, where there was one.
    var end: Int?
    // Pointers lead backwards, or they could go on forever.
    var bound = start - base
    var characters = 0
    guard var label = try readLabel(bytes, at: at, into: &out) else { return nil }
    at += 1
    guard label != 0 else {
      out.append(".")
      return at
    }
    for _ in 0..<Self.nameLimit {
      guard label != 0, at < bytes.byteCount else {
        if characters > Self.nameLimit { out.append("<DOMAIN NAME TOO LONG>") }
        return end ?? at + Int(label)
      }
      if label & 0xc0 == 0xc0 {
        end = end ?? at + 1
        let place = Int(label & 0x3f) << 8 | Int(try bytes.read(UInt8.self, at: at))
        guard place < bound else {
          out.append("<BAD PTR>")
          return nil
        }
        bound = place
        at = base + place
      } else {
        let shown = max(0, min(Int(label), Self.nameLimit - characters))
        for offset in at..<min(at + shown, bytes.byteCount) {
          writeCharacter(try bytes.read(UInt8.self, at: offset), into: &out)
        }
        guard at + shown <= bytes.byteCount else { return nil }
        characters += Int(label)
        at += Int(label)
        if characters <= Self.nameLimit { out.append(".") }
        characters += 1
      }
      guard let next = try readLabel(bytes, at: at, into: &out) else { return nil }
      label = next
      at += 1
    }
    return nil
  }

  /// The length of a label, or the upper byte of a pointer; nil for other kinds, and where it was not captured.
  private func readLabel(
    _ bytes: RawSpan, at offset: Int, into out: inout OutputBuffer
  ) throws(TruncatedError) -> UInt8? {
    guard offset < bytes.byteCount else { return nil }
    let label = try bytes.read(UInt8.self, at: offset)
    switch label & 0xc0 {
    case 0x40:
      out.append("<ELT ")
      out.appendDecimal(label & 0x3f)
      out.append(">")
      return nil
    case 0x80:
      out.append("<BAD LABEL TYPE>")
      return nil
    default: return label
    }
  }
}
