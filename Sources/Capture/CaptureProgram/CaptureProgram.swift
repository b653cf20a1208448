/// The names in capture.bpf.c and its neighbours that user space refers to, and the numbers that both sides share.
/// The objects themselves are `captureObject()` and so on, which the build makes.
package enum CaptureProgram {
  /// The programs of an object that are attached to interfaces.
  package struct Names: Hashable, Sendable {
    /// For received frames of Ethernet.
    package let xdp: String
    private let classifiers: String

    /// Classifiers, which take frames of Ethernet or packets of IP.
    package func classifier(isOutgoing: Bool, isEthernet: Bool) -> String {
      classifiers + (isEthernet ? "" : "_ip") + (isOutgoing ? "_out" : "_in")
    }

    package static let capture = Names(xdp: "merops_capture", classifiers: "merops")
    package static let flows = Names(xdp: "merops_flows", classifiers: "merops_flows")
  }

  /// On the functions that receive segments of TCP over IPv4 or IPv6, called directly or by a probe.
  package static func tcpReceive(isIPv6: Bool, isProbe: Bool) -> String {
    "merops_tcp" + (isIPv6 ? "6" : "4") + (isProbe ? "_probe" : "_call")
  }
  /// The kernel's functions.
  package static func tcpReceiveFunction(isIPv6: Bool) -> String { isIPv6 ? "tcp_v6_rcv" : "tcp_v4_rcv" }

  /// Of the objects with a ring buffer.
  package static let ring = "records"
  /// Of those with perf events: the records, what wakes the reader, and the buffers of whole packets.
  package static let samples = "samples"
  package static let bells = "bells"
  package static let wholeFrames = "whole_frames"
  package static let counters = "counters"
  /// The buffers of classifiers.
  package static let frames = "frames"
  package static let flows = "flows"
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
  package static let wholeRoom = "whole_room"
  package static let wakeBytes = "wake_bytes"
  package static let namespaceInode = "namespace_inode"
  package static let sampledBelow = "sampled_below"

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

  /// What programs count, in 64-bit words: packets seen, matched and delivered, then those passed over and lost by cause, then
  /// what else there is.
  package struct Counters: Hashable, Sendable {
    package let passedOver: [String]
    package let lost: [String]
    /// Whether the number of inserted flows follows.
    package var countsInserted = false
    package var byteCount: Int { 8 * (3 + passedOver.count + lost.count + (countsInserted ? 1 : 0)) }

    /// `struct capture_counters`, bpf/include/capture_counters.h
    package static let capture = Counters(passedOver: ["filtered_out"], lost: ["ring_full", "unreadable"])
    /// `struct flow_counters`, bpf/include/flow.h
    package static let flows = Counters(
      passedOver: ["not_sampled", "filtered_out", "not_ip"], lost: ["no_room", "unreadable"], countsInserted: true)
  }
}
