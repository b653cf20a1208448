import ArgumentParser

@main
struct Merops: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "merops")
}
