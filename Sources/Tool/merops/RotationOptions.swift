import ArgumentParser
import CaptureFiles

/// When packets go into another file: tcpdump's options.
struct RotationOptions: ParsableArguments {
  @Option(
    name: .customShort("C"), parsing: .unconditional,
    help: """
      With -w: begin another file when one has more than so many millions of bytes, or with k, m or g as many KiB, MiB \
      or GiB.
      """)
  var fileSize: FileSize?
  @Option(
    name: .customShort("G"), parsing: .unconditional,
    help: "With -w: begin another file every so many seconds; the name is a format of strftime(3).")
  var seconds: Int?
  @Option(
    name: .customShort("W"), parsing: .unconditional,
    help: "With -C: begin again with the first after so many files. With -G alone: end after so many.")
  var fileCount: Int?

  func validate(outputFile: String?) throws(ValidationError) {
    if let seconds, !(1...1_000_000_000 ~= seconds) {
      throw ValidationError("-G \(seconds): the interval has to be from 1 to 1000000000 seconds.")
    }
    if let fileCount, !(1...Int(Int32.max) ~= fileCount) {
      throw ValidationError("-W \(fileCount): the count of files has to be from 1 to \(Int32.max).")
    }
    guard fileSize != nil || seconds != nil else {
      if fileCount != nil { throw ValidationError("-W counts the files of -C or -G.") }
      return
    }
    guard let outputFile else { throw ValidationError("-C and -G are for files: -w FILE") }
    if outputFile == "-" { throw ValidationError("-w - is one stream, which -C and -G cannot divide into files.") }
  }

  var limits: CaptureFileSequence.Limits {
    CaptureFileSequence.Limits(byteCount: fileSize?.value, seconds: seconds, fileCount: fileCount)
  }
}

/// `10` is ten million bytes, `10k` 10 KiB.
struct FileSize: ExpressibleByArgument {
  let value: Int

  init?(argument: String) {
    let (million, overflow) = (Int(argument) ?? 0).multipliedReportingOverflow(by: 1_000_000)
    guard !overflow, let value = million > 0 ? million : ByteCount(argument: argument)?.value, value > 0 else {
      return nil
    }
    self.value = value
  }
}
