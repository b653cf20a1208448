/// `enum bpf_prog_type`
public struct ProgramType: RawRepresentable, Hashable, Sendable {
  public let rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  public static let unspecified = ProgramType(rawValue: 0)
  public static let socketFilter = ProgramType(rawValue: 1)
  public static let kprobe = ProgramType(rawValue: 2)
  public static let schedulerClassifier = ProgramType(rawValue: 3)
  public static let schedulerAction = ProgramType(rawValue: 4)
  public static let tracepoint = ProgramType(rawValue: 5)
  public static let xdp = ProgramType(rawValue: 6)
  public static let perfEvent = ProgramType(rawValue: 7)
  public static let cgroupSKB = ProgramType(rawValue: 8)
  public static let cgroupSocket = ProgramType(rawValue: 9)
  public static let lwtIn = ProgramType(rawValue: 10)
  public static let lwtOut = ProgramType(rawValue: 11)
  public static let lwtXmit = ProgramType(rawValue: 12)
  public static let socketOperations = ProgramType(rawValue: 13)
  public static let skSKB = ProgramType(rawValue: 14)
  public static let cgroupDevice = ProgramType(rawValue: 15)
  public static let skMessage = ProgramType(rawValue: 16)
  public static let rawTracepoint = ProgramType(rawValue: 17)
  public static let cgroupSocketAddress = ProgramType(rawValue: 18)
  public static let lwtSeg6Local = ProgramType(rawValue: 19)
  public static let lircMode2 = ProgramType(rawValue: 20)
  public static let skReuseport = ProgramType(rawValue: 21)
  public static let flowDissector = ProgramType(rawValue: 22)
  public static let cgroupSysctl = ProgramType(rawValue: 23)
  public static let rawTracepointWritable = ProgramType(rawValue: 24)
  public static let cgroupSocketOption = ProgramType(rawValue: 25)
  public static let tracing = ProgramType(rawValue: 26)
  public static let structOps = ProgramType(rawValue: 27)
  public static let `extension` = ProgramType(rawValue: 28)
  public static let lsm = ProgramType(rawValue: 29)
  public static let skLookup = ProgramType(rawValue: 30)
  public static let syscall = ProgramType(rawValue: 31)
  public static let netfilter = ProgramType(rawValue: 32)
}

/// `enum bpf_attach_type`
public struct AttachType: RawRepresentable, Hashable, Sendable {
  public let rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// What program types without attach types get; the same number as ``cgroupInetIngress``.
  public static let none = AttachType(rawValue: 0)
  public static let cgroupInetIngress = AttachType(rawValue: 0)
  public static let cgroupInetEgress = AttachType(rawValue: 1)
  public static let cgroupInetSocketCreate = AttachType(rawValue: 2)
  public static let cgroupSocketOperations = AttachType(rawValue: 3)
  public static let skSKBStreamParser = AttachType(rawValue: 4)
  public static let skSKBStreamVerdict = AttachType(rawValue: 5)
  public static let cgroupDevice = AttachType(rawValue: 6)
  public static let skMessageVerdict = AttachType(rawValue: 7)
  public static let cgroupInet4Bind = AttachType(rawValue: 8)
  public static let cgroupInet6Bind = AttachType(rawValue: 9)
  public static let cgroupInet4Connect = AttachType(rawValue: 10)
  public static let cgroupInet6Connect = AttachType(rawValue: 11)
  public static let cgroupInet4PostBind = AttachType(rawValue: 12)
  public static let cgroupInet6PostBind = AttachType(rawValue: 13)
  public static let cgroupUDP4SendMessage = AttachType(rawValue: 14)
  public static let cgroupUDP6SendMessage = AttachType(rawValue: 15)
  public static let lircMode2 = AttachType(rawValue: 16)
  public static let flowDissector = AttachType(rawValue: 17)
  public static let cgroupSysctl = AttachType(rawValue: 18)
  public static let cgroupUDP4ReceiveMessage = AttachType(rawValue: 19)
  public static let cgroupUDP6ReceiveMessage = AttachType(rawValue: 20)
  public static let cgroupGetSocketOption = AttachType(rawValue: 21)
  public static let cgroupSetSocketOption = AttachType(rawValue: 22)
  public static let traceRawTracepoint = AttachType(rawValue: 23)
  public static let traceFunctionEntry = AttachType(rawValue: 24)
  public static let traceFunctionExit = AttachType(rawValue: 25)
  public static let modifyReturn = AttachType(rawValue: 26)
  public static let lsmMAC = AttachType(rawValue: 27)
  public static let traceIterator = AttachType(rawValue: 28)
  public static let cgroupInet4GetPeerName = AttachType(rawValue: 29)
  public static let cgroupInet6GetPeerName = AttachType(rawValue: 30)
  public static let cgroupInet4GetSocketName = AttachType(rawValue: 31)
  public static let cgroupInet6GetSocketName = AttachType(rawValue: 32)
  public static let xdpDeviceMap = AttachType(rawValue: 33)
  public static let cgroupInetSocketRelease = AttachType(rawValue: 34)
  public static let xdpCPUMap = AttachType(rawValue: 35)
  public static let skLookup = AttachType(rawValue: 36)
  public static let xdp = AttachType(rawValue: 37)
  public static let skSKBVerdict = AttachType(rawValue: 38)
  public static let skReuseportSelect = AttachType(rawValue: 39)
  public static let skReuseportSelectOrMigrate = AttachType(rawValue: 40)
  public static let perfEvent = AttachType(rawValue: 41)
  public static let traceKprobeMulti = AttachType(rawValue: 42)
  public static let lsmCgroup = AttachType(rawValue: 43)
  public static let structOps = AttachType(rawValue: 44)
  public static let netfilter = AttachType(rawValue: 45)
  public static let tcxIngress = AttachType(rawValue: 46)
  public static let tcxEgress = AttachType(rawValue: 47)
  public static let traceUprobeMulti = AttachType(rawValue: 48)
  public static let cgroupUnixConnect = AttachType(rawValue: 49)
  public static let cgroupUnixSendMessage = AttachType(rawValue: 50)
  public static let cgroupUnixReceiveMessage = AttachType(rawValue: 51)
  public static let cgroupUnixGetPeerName = AttachType(rawValue: 52)
  public static let cgroupUnixGetSocketName = AttachType(rawValue: 53)
  public static let netkitPrimary = AttachType(rawValue: 54)
  public static let netkitPeer = AttachType(rawValue: 55)
  public static let traceKprobeSession = AttachType(rawValue: 56)
  public static let traceUprobeSession = AttachType(rawValue: 57)
  public static let traceFunctionSession = AttachType(rawValue: 58)
}

/// Flags of BPF_PROG_LOAD.
public struct ProgramFlags: OptionSet, Hashable, Sendable {
  public let rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// `BPF_F_SLEEPABLE`: the program may sleep (5.10).
  public static let sleepable = ProgramFlags(rawValue: 1 << 4)
  /// `BPF_F_XDP_HAS_FRAGS`: the program knows that a frame may go on behind `data_end` (5.18).
  public static let xdpHasFragments = ProgramFlags(rawValue: 1 << 5)
}
