import ArgumentParser

/// Arguments that mean different things to different people are refused with a hint, before they are parsed.
enum ArgumentHints {
  static func check(_ arguments: [String]) throws(ValidationError) {
    for (index, argument) in arguments.enumerated() {
      if argument == "--" { return }
      guard argument == "-p" || argument.hasPrefix("-p"), !argument.hasPrefix("--") else { continue }
      let value = argument == "-p" ? arguments.dropFirst(index + 1).first ?? "" : String(argument.dropFirst(2))
      guard !value.isEmpty, value.allSatisfy({ $0.isASCII && $0.isNumber }) else { continue }
      throw ValidationError(
        "'-p \(value)' is refused because it is unclear: to tcpdump -p means 'not promiscuous' and takes no value, to "
          + "others it names a process. Leave out -p (merops never switches promiscuous mode on); packets are not "
          + "filtered by process.")
    }
  }
}
