public import BPFLoader
import BPFObjectFile
import BPFRelocation
import ByteReading
import Glibc
public import LinuxCalls

/// What of its kind an iterator goes through; the kernel's `union bpf_iter_link_info`.
public enum IteratorScope: Sendable {
  /// Everything there is of its kind.
  case everything
  /// The elements of a map, for `iter/bpf_map_elem` and `iter/bpf_sk_storage_map` (5.9).
  case map(Map)
  /// A task alone, by the number that gettid(2) tells (6.1).
  case thread(Int32)
  /// The tasks of a process (6.1).
  case process(Int32)
  /// The same by a descriptor of pidfd_open(2), which the caller keeps open until the iterator is attached (6.1).
  case processDescriptor(CInt)
  /// The cgroups round one, by its path; the root of all without a path (6.1).
  case cgroups(CgroupOrder, from: String?)

  /// Which cgroups, in which order: `enum bpf_cgroup_iter_order`.
  public enum CgroupOrder: UInt32, Hashable, Sendable {
    /// `BPF_CGROUP_ITER_SELF_ONLY`
    case itself = 1
    /// `BPF_CGROUP_ITER_DESCENDANTS_PRE`: each before those in it.
    case descendantsAfterParents = 2
    /// `BPF_CGROUP_ITER_DESCENDANTS_POST`: each behind those in it.
    case descendantsBeforeParents = 3
    /// `BPF_CGROUP_ITER_ANCESTORS_UP`
    case ancestors = 4
    /// `BPF_CGROUP_ITER_CHILDREN`: those that lie directly in it (7.1).
    case children = 5
  }
}

extension Program {
  /// Attaches an `iter` program, which then runs for each object of its kind while ``Link/makeReader()``'s file is read
  /// (5.8).
  public func attachIterator(_ scope: IteratorScope = .everything) throws(AttachError) -> Link {
    let place = AttachPlace(program: name, hook: .iterator, target: plan.attachTarget?.name ?? plan.sectionName)
    guard plan.type == .tracing, plan.expectedAttachType == .traceIterator else {
      throw AttachError(place: place, reason: .wrongProgram("it is no iterator"))
    }
    return try place.climb([Rung(.link)]) { (_) throws(RungFailure) in
      try RungFailure.running { () throws(SystemCallError) in
        switch scope {
        case .everything: try iterate([])
        case .map(let map): try iterate([UInt32(map.descriptor.number)])
        case .thread(let thread): try iterate(thread: UInt32(bitPattern: thread))
        case .process(let process): try iterate([0, UInt32(bitPattern: process), 0])
        case .processDescriptor(let descriptor): try iterate([0, 0, UInt32(bitPattern: descriptor)])
        case .cgroups(let order, from: nil): try iterate([order.rawValue, 0, 0, 0])
        case .cgroups(let order, from: let path?):
          try iterate(order, FileDescriptor(opening: path, flags: O_RDONLY | O_DIRECTORY))
        }
      }
    }
  }

  /// A kernel before 6.1 takes the number for a map's descriptor, ignores it, and goes through all tasks; that it does not know
  /// a process, which stands behind the thread, it says.
  private func iterate(thread: UInt32) throws(SystemCallError) -> Attachment {
    _ = try iterate([0, thread, 0])
    return try iterate([thread, 0, 0])
  }

  private func iterate(_ order: IteratorScope.CgroupOrder, _ cgroup: borrowing FileDescriptor) throws(SystemCallError)
    -> Attachment
  {
    try iterate([order.rawValue, UInt32(cgroup.number), 0, 0])
  }

  private func iterate(_ parameters: [UInt32]) throws(SystemCallError) -> Attachment {
    .link(
      try BPF.createLink(
        program: descriptor, attachType: plan.expectedAttachType.rawValue,
        to: .iterator([UInt8](littleEndian: parameters))))
  }
}

extension Link {
  /// Begins a walk of an iterator. A link can have many readers, each with its own place.
  public func makeReader() throws(LinkError) -> IteratorReader {
    try attempting("read") { () throws(SystemCallError) in IteratorReader(try attachment.createIterator()) }
  }
}

/// One walk of an iterator through its objects: what the program writes with `bpf_seq_write` and `bpf_seq_printf`.
public struct IteratorReader: ~Copyable, Sendable {
  private let file: FileDescriptor

  init(_ file: consuming FileDescriptor) { self.file = file }

  /// Begins a walk of an iterator whose link is pinned. Whoever may read the file may do so.
  public init(pinnedAt path: String) throws(SystemCallError) {
    file = try FileDescriptor(opening: path, flags: O_RDONLY)
  }

  /// Fills `buffer` from its start with what the program writes, running it as far as that takes.
  /// - Returns: how many bytes came, 0 at the end.
  /// - Throws: E2BIG where the program writes more for one object than the kernel has room for (8 pages).
  public mutating func read(into buffer: inout [UInt8]) throws(SystemCallError) -> Int {
    while true {
      do { return try file.read(into: &buffer) } catch {
        // The answer after a million objects for which nothing was written, so that others may run meanwhile.
        guard error.errno == .tryAgain else { throw error }
      }
    }
  }

  /// Goes to the end.
  public consuming func readAll() throws(SystemCallError) -> [UInt8] {
    var all: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 32768)
    while case let count = try read(into: &chunk), count > 0 { all += chunk[..<count] }
    return all
  }
}
