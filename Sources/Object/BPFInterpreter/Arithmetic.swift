// Division and remainder as eBPF defines them: nothing traps. What is divided by 0 becomes 0, and its remainder all of it.
extension FixedWidthInteger {
  @inline(__always)
  func quotient(_ divisor: Self) -> Self {
    // The least number divided by -1 is itself again.
    divisor == 0 ? 0 : dividedReportingOverflow(by: divisor).partialValue
  }

  @inline(__always)
  func remainder(_ divisor: Self) -> Self {
    divisor == 0 ? self : remainderReportingOverflow(dividingBy: divisor).partialValue
  }
}
