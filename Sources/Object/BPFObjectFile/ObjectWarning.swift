/// Something in an object file that does not keep it from being read, but that somebody should know of.
public enum ObjectWarning: Hashable, Sendable {
  /// An instruction that refers to data behind the end of its section; the kernel will not take it.
  case placeOutsideOfSection(String, byteCount: Int, offset: Int, symbol: String, function: String)
}

extension ObjectWarning: CustomStringConvertible {
  public var description: String {
    switch self {
    case .placeOutsideOfSection(let section, let byteCount, let offset, let symbol, let function):
      "function \(function) refers to byte \(offset) of \(section) (\(symbol)), which has \(byteCount) bytes; "
        + "gcc before 13 makes such objects"
    }
  }
}
