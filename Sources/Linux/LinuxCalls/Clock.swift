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

  /// `12.345`: a span of time, with three decimals, cut off.
  package static func text(seconds: Double) -> String {
    let milliseconds = Int(seconds * 1000)
    let fraction = String(milliseconds % 1000)
    return "\(milliseconds / 1000)." + String(repeating: "0", count: 3 - fraction.count) + fraction
  }
}

/// Lets the thread sleep.
package func sleepMilliseconds(_ count: UInt32) { usleep(count * 1000) }
