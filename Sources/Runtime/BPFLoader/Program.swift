public import BPFRelocation
package import LinuxCalls

/// A program in the kernel. The descriptor closes with the last reference; the program lives as long as it is attached.
public final class Program: Sendable {
  public let plan: ProgramPlan
  /// Those that its instructions refer to.
  package let maps: [Map]
  /// What a `freplace` program was loaded to take the place of.
  package let replaced: LoadedFunction?
  package let descriptor: FileDescriptor

  init(
    plan: ProgramPlan, maps: [Map] = [], replaced: LoadedFunction? = nil, descriptor: consuming FileDescriptor
  ) {
    self.plan = plan
    self.maps = maps
    self.replaced = replaced
    self.descriptor = descriptor
  }

  public var name: String { plan.name }

  /// The kernel's number for it.
  public func id() throws(LoadError) -> UInt32 {
    do { return try BPF.information(ofProgram: descriptor).id } catch { throw LoadError(.query(plan.name), error) }
  }

  /// How often the kernel left the program out where it should have run, since it had not come to its end on that CPU: it had
  /// called itself, or a task was made to give way in the middle of it, which preemptible kernels do. For programs on functions, tracepoints and
  /// probes, which the kernel never runs twice at a time on a CPU (5.12; 0 before).
  public func missCount() throws(LoadError) -> UInt64 {
    do { return try BPF.information(ofProgram: descriptor).missCount } catch {
      throw LoadError(.query(plan.name), error)
    }
  }

  /// Runs the program once on a packet, without any interface (BPF_PROG_TEST_RUN). Returns what the program returned.
  public func run(onPacket packet: [UInt8]) throws(LoadError) -> UInt32 {
    do { return try unsafe BPF.testRun(descriptor, packet: packet.span.bytes) } catch {
      throw LoadError(.run(plan.name), error)
    }
  }
}
