/// The names in capture.bpf.c that user space refers to, and the numbers that both sides share.
/// The object itself is `captureObject()`, which the build makes.
package enum CaptureProgram {
  /// For received frames of Ethernet.
  package static let xdp = "merops_capture"
  /// Classifiers, which take frames of Ethernet or packets of IP.
  package static func classifier(isOutgoing: Bool, isEthernet: Bool) -> String {
    "merops" + (isEthernet ? "" : "_ip") + (isOutgoing ? "_out" : "_in")
  }

  /// On the functions that receive segments of TCP over IPv4 or IPv6, called directly or by a probe.
  package static func tcpReceive(isIPv6: Bool, isProbe: Bool) -> String {
    "merops_tcp" + (isIPv6 ? "6" : "4") + (isProbe ? "_probe" : "_call")
  }
  /// The kernel's functions.
  package static func tcpReceiveFunction(isIPv6: Bool) -> String { isIPv6 ? "tcp_v6_rcv" : "tcp_v4_rcv" }

  package static let ring = "records"
  package static let counters = "counters"
  /// The buffers of classifiers.
  package static let frames = "frames"
  /// The functions that a compiled filter takes the place of: of XDP, and of classifiers.
  package static let filter = "filter"
  package static let bufferedFilter = "filter_frame"
  /// The function that a filter calls for its long lists.
  package static let filterList = "filter_list"

  /// Constants set before loading.
  package static let hasFragments = "has_fragments"
  package static let hasFilter = "has_filter"
  package static let isFromFile = "from_file"
  package static let snapLength = "snap_length"
  package static let frameRoom = "frame_room"
  package static let wakeBytes = "wake_bytes"
  package static let namespaceInode = "namespace_inode"

  /// How many bytes of a frame a buffer takes, unless it is made larger: `FRAME_ROOM`.
  package static let defaultFrameRoom = 512
  /// And how many where more than headers is wanted.
  package static let wholeFrameRoom = 2048
  /// `struct capture_record`
  package static let recordHeadByteCount = 24

  /// `reader`, the variable that tells the program what the reader is doing: `enum capture_reader`.
  package static let reader = "reader"
  package enum Reader {
    package static let runs: UInt32 = 0
    package static let rests: UInt32 = 1
    package static let waits: UInt32 = 2
  }
  /// XDP_PASS: what the program answers to packets of files that it takes, and to all of interfaces.
  package static let pass: UInt64 = 2
  /// The variable that tells how long the file's packet was on the wire.
  package static let fileLength = "file_length"

  /// `struct capture_counters`, bpf/include/capture_counters.h: how many 64-bit words each part takes, in its order.
  package enum Counters {
    package static let headWordCount = 3
    /// `enum capture_passed_over`
    package static let passedOver = ["filtered_out"]
    /// `enum capture_lost`
    package static let lost = ["ring_full", "unreadable"]
    package static var byteCount: Int { 8 * (headWordCount + passedOver.count + lost.count) }
  }
}
