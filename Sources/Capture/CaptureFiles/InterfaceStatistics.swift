/// What became of an interface's packets: the interface statistics block of pcapng. Counts that are not known are nil.
package struct InterfaceStatistics: Hashable, Sendable {
  /// Index into the interfaces of the section.
  package var interface: Int
  /// When the counts were taken, in nanoseconds since 1970.
  package var nanoseconds: Int64
  /// `isb_starttime`, `isb_endtime`: when capturing began and ended.
  package var startNanoseconds: Int64?
  package var endNanoseconds: Int64?
  /// `isb_ifrecv`: packets that came through the interface while capturing.
  package var received: UInt64?
  /// `isb_ifdrop`: packets that the interface itself dropped, for want of room.
  package var interfaceDropped: UInt64?
  /// `isb_filteraccept`: packets that the filter took.
  package var filterAccepted: UInt64?
  /// `isb_osdrop`: packets that the filter took and the system dropped before anybody could read them.
  package var systemDropped: UInt64?
  /// `isb_usrdeliv`: packets that were handed to the program that captures. Less than taken minus dropped where some were
  /// still waiting at the end.
  package var delivered: UInt64?
  /// `opt_comment`, each one.
  package var comments: [String] = []

  package init(interface: Int = 0, nanoseconds: Int64) {
    self.interface = interface
    self.nanoseconds = nanoseconds
  }
}
