internal import CLinux
import Glibc

/// Clocks of clock_gettime(2), in nanoseconds.
package enum Clock {
  /// CLOCK_MONOTONIC, which bpf_ktime_get_ns() reads too.
  package static var monotonic: UInt64 { linux_clock(CLOCK_MONOTONIC) }
  /// The same, with the time that the machine slept: what the kernel dates programs by.
  package static var boot: UInt64 { linux_clock(CLOCK_BOOTTIME) }
  /// CLOCK_REALTIME, since 1970.
  package static var realtime: UInt64 { linux_clock(CLOCK_REALTIME) }
}

/// Lets the thread sleep.
package func sleepMilliseconds(_ count: UInt32) { usleep(count * 1000) }
