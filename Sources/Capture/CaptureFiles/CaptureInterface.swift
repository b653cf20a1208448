package import CaptureEvents

/// An interface of a capture file: the interface description block of pcapng, or what the head of a classic file says.
package struct CaptureInterface: Hashable, Sendable {
  /// `if_name`, such as `eth0`; nil where the file does not tell.
  package var name: String?
  /// `if_description`.
  package var description: String?
  /// `if_filter`: what chose the packets, as libpcap's text.
  package var filter: String?
  /// `opt_comment`, each one.
  package var comments: [String] = []
  package var linkType: LinkType
  /// How many bytes of a packet are kept at most; 0 says no limit. What is read may be longer all the same.
  package var snapLength: UInt32
  /// `if_tsresol`. What is written is always in nanoseconds.
  package var resolution = TimeResolution.nanoseconds
  /// `if_tsoffset`: seconds that are added to each timestamp when it is read; not written.
  package var timeOffset: Int64 = 0
  /// How many bytes of frame check sequence each packet ends with, where the file tells. Written in pcapng only.
  package var frameCheckByteCount: Int?

  package init(
    name: String? = nil, description: String? = nil, filter: String? = nil, comments: [String] = [],
    linkType: LinkType = .ethernet, snapLength: UInt32 = 0
  ) {
    self.name = name
    self.description = description
    self.filter = filter
    self.comments = comments
    self.linkType = linkType
    self.snapLength = snapLength
  }
}
