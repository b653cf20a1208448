import Testing

@testable import RouteNetlink

/// Datagrams that say they come from the kernel, whatever is in them.
@Suite struct NetlinkMessageTests {
  /// Two interfaces as a dump tells of them, the first with an XDP program.
  private let dump: [UInt8] = {
    var first = NetlinkRequest(
      type: RouteMessageType.newLink, flags: 2,
      fixed: [0, 0, 1, 0] + interfaceMessage(index: 7, flags: 0x41).dropFirst(4))
    first.append(LinkAttribute.name, string: "veth0")
    first.append(LinkAttribute.mtu, UInt32(1500))
    first.appendNested(LinkAttribute.xdp) { xdp in
      xdp.append(XDPAttribute.attached, UInt8(1))
      xdp.append(XDPAttribute.nativeID, UInt32(42))
    }
    var second = NetlinkRequest(type: RouteMessageType.newLink, flags: 2, fixed: interfaceMessage(index: 8))
    second.append(LinkAttribute.name, string: "lo")
    return first.finished(sequence: 1) + second.finished(sequence: 1)
  }()

  @Test func interfacesAreReadFromADump() throws {
    let messages = NetlinkMessage.messages(in: dump)
    #expect(messages.map(\.type) == [RouteMessageType.newLink, RouteMessageType.newLink])
    let interfaces = messages.compactMap { NetworkInterface($0) }
    #expect(interfaces.map(\.name) == ["veth0", "lo"])
    #expect(interfaces.map(\.index) == [7, 8])
    let first = try #require(interfaces.first)
    #expect(first.isUp && first.isRunning && first.isEthernet)
    #expect(first.mtu == 1500)
    #expect(first.xdp.native == 42 && first.xdp.programIDs == [42])
  }

  /// Reads a datagram as far as anything would. Returns how many interfaces were in it.
  private func read(_ datagram: [UInt8]) -> Int {
    let messages = NetlinkMessage.messages(in: datagram)
    for message in messages {
      for (_, payload) in message.attributes(behind: 16) { _ = NetlinkAttributes.read(payload) }
    }
    return messages.compactMap { NetworkInterface($0) }.count
  }

  @Test func everyPrefixHasNoMoreThanIsThere() {
    #expect(read(dump) == 2)
    for count in dump.indices { #expect(read(Array(dump[..<count])) < 2) }
  }

  @Test func anyBytesAreRead() {
    var state: UInt64 = 0x1234_5678_9abc_def1
    func random() -> UInt64 {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return state
    }
    var intact = 0
    for _ in 0..<20_000 {
      var datagram = dump
      for _ in 0..<1 + random() % 6 {
        datagram[Int(random() % UInt64(datagram.count))] =
          [0, 1, 3, 4, 0x7f, 0xff, UInt8(random() & 0xff)][Int(random() % 7)]
      }
      if read(datagram) == 2 { intact += 1 }
    }
    #expect(intact > 0 && intact < 20_000)
  }
}
