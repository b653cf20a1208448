/// What tcpdump's flags of the same letters choose.
package struct TextOptions: Hashable, Sendable {
  /// How a line begins.
  package enum Timestamps: Hashable, Sendable {
    /// The hour of the day: `12:00:00.123456`.
    case timeOfDay
    /// Nothing (-t).
    case none
    /// Seconds since the epoch (-tt).
    case epoch
    /// The time since the line before (-ttt).
    case sincePrevious
    /// The date and the hour (-tttt).
    case dateAndTime
    /// The time since the first line (-ttttt).
    case sinceFirst
  }

  /// What is printed of the bytes below a line.
  package enum HexDump: Hashable, Sendable {
    case none
    /// From the network's header on, in hexadecimal (-x).
    case network
    /// The whole frame (-xx).
    case link
    /// From the network's header on, in hexadecimal and as text (-X).
    case networkAndText
    /// The whole frame (-XX).
    case linkAndText
    /// From the network's header on, as text (-A).
    case networkText
    /// The whole frame (-AA).
    case linkText
  }

  package var timestamps = Timestamps.timeOfDay
  /// 1: -v, 2: -vv.
  package var verbosity = 0
  /// -q.
  package var isQuiet = false
  /// -e: the link header: Ethernet addresses, types, tags.
  package var showsLinkHeader = false
  /// -S.
  package var absoluteSequenceNumbers = false
  /// -#: a running number before each line.
  package var showsNumber = false
  /// The interface and the direction before each line, as with `-i any`. Packets of `LinkType.linuxSLL2` have them
  /// in any case.
  package var showsInterface = false
  package var hexDump = HexDump.none
  /// ANSI colours for what catches the eye: flags that open and end connections, and what is wrong with a packet.
  package var usesColour = false

  package init() {}
}
