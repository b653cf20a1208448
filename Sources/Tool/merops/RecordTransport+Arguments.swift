import ArgumentParser
import BPFLoader

extension RecordTransport: ExpressibleByArgument {}

extension ArgumentHelp {
  static var recordTransport: ArgumentHelp {
    "What the programs write into: ring (a ring buffer, 5.8), perf (perf events, a ring for each CPU), or auto."
  }
}
