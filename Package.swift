// swift-tools-version: 6.2
import PackageDescription

// Targets stand in the order of the tiers: each may use what stands above it, never what stands below.
// The dependency lists are the architecture (docs/architecture.md draws it).

let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

/// A library module of the tier, in a folder of its own name.
func module(_ tier: String, _ name: String, uses dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, path: "Sources/\(tier)/\(name)", swiftSettings: strict)
}

/// The tests of one module, in the same place of the tree below Tests.
func tests(_ tier: String, _ name: String, uses dependencies: [Target.Dependency]) -> Target {
  .testTarget(
    name: "\(name)Tests", dependencies: dependencies, path: "Tests/\(tier)/\(name)Tests", swiftSettings: strict)
}

/// A module that carries BPF programs: the plugin compiles those that it lists for the module, and embeds the objects.
func embedding(_ target: Target) -> Target {
  target.plugins = [.plugin(name: "CompileBPF")]
  return target
}

let build: [Target] = [
  .executableTarget(name: "embed-bpf", path: "Sources/Build/embed-bpf", swiftSettings: strict),
  .plugin(
    name: "CompileBPF", capability: .buildTool(), dependencies: ["embed-bpf"], path: "Sources/Build/CompileBPF"),
]

let linux: [Target] = [
  .target(name: "CLinux", path: "Sources/Linux/CLinux"),
  .systemLibrary(name: "CZlib", path: "Sources/Linux/CZlib", providers: [.apt(["zlib1g-dev"])]),
  module("Linux", "LinuxCalls", uses: ["CLinux", "CZlib"]),
]

let object: [Target] = [
  .systemLibrary(
    name: "CLibelf", path: "Sources/Object/CLibelf", providers: [.apt(["libelf-dev", "zlib1g-dev"])]),
  module("Object", "ByteReading"),
  module("Object", "ELFReading", uses: ["ByteReading"]),
  module("Object", "BPFInstructions", uses: ["ByteReading"]),
  module("Object", "BPFTypes", uses: ["ByteReading"]),
  module("Object", "BPFObjectFile", uses: ["CLibelf", "ByteReading", "BPFInstructions", "BPFTypes"]),
  module("Object", "BPFRelocation", uses: ["ByteReading", "BPFInstructions", "BPFTypes", "BPFObjectFile"]),
  module("Object", "BPFInterpreter", uses: ["BPFInstructions", "BPFObjectFile", "BPFRelocation"]),
  module("Object", "ObjectListing", uses: ["BPFInstructions", "BPFTypes", "BPFObjectFile", "BPFRelocation"]),
]

let runtime: [Target] = [
  module("Runtime", "RouteNetlink", uses: ["LinuxCalls", "ByteReading"]),
  module(
    "Runtime", "BPFLoader",
    uses: [
      "LinuxCalls", "ByteReading", "ELFReading", "BPFInstructions", "BPFTypes", "BPFObjectFile", "BPFRelocation",
    ]),
  module(
    "Runtime", "BPFLinks",
    uses: [
      "LinuxCalls", "RouteNetlink", "ByteReading", "ELFReading", "BPFTypes", "BPFObjectFile", "BPFRelocation",
      "BPFLoader",
    ]),
  module("Runtime", "BPFRings", uses: ["LinuxCalls"]),
  module(
    "Runtime", "BPFRun",
    uses: ["LinuxCalls", "BPFObjectFile", "BPFRelocation", "BPFLoader", "BPFLinks", "BPFRings"]),
  module(
    "Runtime", "BPFFeatures",
    uses: [
      "LinuxCalls", "ByteReading", "RouteNetlink", "BPFInstructions", "BPFTypes", "BPFObjectFile", "BPFRelocation",
      "BPFLoader",
    ]),
  module(
    "Runtime", "BPFObjects",
    uses: ["LinuxCalls", "RouteNetlink", "BPFTypes", "BPFRelocation", "BPFLoader", "BPFFeatures"]),
  .target(
    name: "Merops",
    dependencies: [
      "LinuxCalls", "BPFInstructions", "BPFTypes", "BPFObjectFile", "BPFRelocation", "ObjectListing", "BPFLoader",
      "BPFLinks", "BPFRings", "BPFRun", "BPFFeatures", "BPFObjects",
    ],
    path: "Sources/Merops", swiftSettings: strict),
]

let capture: [Target] = [
  embedding(module("Capture", "CaptureProgram", uses: ["ByteReading"])),
  module("Capture", "CaptureEvents", uses: ["ByteReading"]),
  module("Capture", "CaptureFiles", uses: ["ByteReading", "CaptureEvents"]),
  module("Capture", "FlowTable", uses: ["ByteReading", "CaptureEvents"]),
  module("Capture", "DemoNetwork", uses: ["LinuxCalls", "RouteNetlink"]),
  module("Capture", "PacketFilter", uses: ["BPFInstructions"]),
  module("Capture", "NameResolution", uses: ["LinuxCalls"]),
  module(
    "Capture", "CaptureSession",
    uses: [
      "CaptureProgram", "PacketFilter", "CaptureFiles", "FlowTable", "BPFInterpreter", "LinuxCalls", "ByteReading",
      "RouteNetlink",
      "BPFObjectFile", "BPFRelocation",
      "BPFLoader",
      "BPFLinks", "BPFRings", "CaptureEvents",
    ]),
]

let connections: [Target] = [
  embedding(module("Connections", "ConnectionProgram", uses: ["ByteReading"])),
  module("Connections", "ConnectionEvents", uses: ["ByteReading", "CaptureEvents"]),
  module(
    "Connections", "ConnectionSession",
    uses: [
      "ConnectionProgram", "ConnectionEvents", "LinuxCalls", "ByteReading", "BPFTypes", "BPFObjectFile",
      "BPFRelocation", "BPFLoader", "BPFLinks", "BPFRings",
    ]),
]

let tool: [Target] = [
  .executableTarget(
    name: "MeropsCommand",
    dependencies: [
      "CaptureSession", "CaptureEvents", "CaptureFiles", "FlowTable", "PacketFilter", "NameResolution", "DemoNetwork",
      "ConnectionSession", "ConnectionEvents", "LinuxCalls",
      "RouteNetlink",
      "ByteReading",
      "BPFInstructions",
      "BPFTypes", "BPFObjectFile", "BPFRelocation", "ObjectListing", "BPFLoader", "BPFLinks", "BPFFeatures",
      "BPFObjects", "BPFRun",
      .product(name: "ArgumentParser", package: "swift-argument-parser"),
    ],
    path: "Sources/Tool/merops", swiftSettings: strict)
]

let testing: [Target] = [
  tests("Object", "ELFReading", uses: ["ELFReading", "ByteReading", "LinuxCalls"]),
  tests("Object", "BPFInstructions", uses: ["BPFInstructions", "LinuxCalls"]),
  tests("Object", "BPFInterpreter", uses: ["BPFInterpreter", "BPFInstructions", "SeededRandom"]),
  tests("Object", "BPFTypes", uses: ["BPFTypes", "GoldenObjects"]),
  tests("Object", "BPFRelocation", uses: ["BPFTypes", "BPFObjectFile", "BPFRelocation", "GoldenObjects"]),
  tests(
    "Object", "ObjectListing", uses: ["BPFTypes", "BPFObjectFile", "BPFRelocation", "ObjectListing", "GoldenObjects"]),
  tests("Runtime", "RouteNetlink", uses: ["RouteNetlink"]),
  tests(
    "Object", "BPFObjectFile",
    uses: [
      "BPFInstructions", "BPFTypes", "BPFObjectFile", "BPFRelocation", "CaptureProgram", "FlowTable", "FixturePrograms",
      "GoldenObjects",
    ]),
  tests(
    "Runtime", "BPFLinks",
    uses: [
      "BPFLinks", "BPFLoader", "BPFTypes", "BPFObjectFile", "BPFRelocation", "ELFReading", "LinuxCalls", "RouteNetlink",
      "FixturePrograms", "GoldenObjects", "USDTFixture", "ProcessState",
    ]),
  tests(
    "Runtime", "BPFLoader",
    uses: [
      "Merops", "BPFLoader", "BPFInterpreter", "BPFInstructions", "LinuxCalls", "CaptureProgram", "FixturePrograms",
      "GoldenObjects", "SeededRandom",
    ]),
  tests(
    "Runtime", "BPFRings", uses: ["Merops", "BPFRings", "LinuxCalls", "FixturePrograms", "SeededRandom"]),
  tests(
    "Tool", "MeropsCommand",
    uses: [
      "MeropsCommand", "readme-example", "connection-day", "CSpawn", "CaptureEvents", "CaptureFiles", "DemoNetwork",
      "LinuxCalls", "RouteNetlink",
      "FixturePrograms",
      "BPFObjectFile", "BPFRelocation", "BPFTypes", "GoldenObjects",
      .product(name: "ArgumentParser", package: "swift-argument-parser"),
    ]),
  tests(
    "Capture", "CaptureEvents",
    uses: ["CaptureEvents", "CaptureFiles", "ByteReading", "JudgePrograms", "RealCaptures", "SeededRandom"]),
  tests(
    "Capture", "CaptureFiles",
    uses: ["CaptureFiles", "CaptureEvents", "LinuxCalls", "JudgePrograms", "SeededRandom"]),
  tests(
    "Connections", "ConnectionEvents",
    uses: ["ConnectionEvents", "ConnectionProgram", "CaptureEvents", "BPFObjectFile", "SeededRandom"]),
  tests("Capture", "FlowTable", uses: ["FlowTable", "CaptureEvents", "SeededRandom"]),
  tests("Capture", "NameResolution", uses: ["NameResolution", "LinuxCalls", "SeededRandom"]),
  tests(
    "Capture", "PacketFilter",
    uses: [
      "PacketFilter", "BPFInstructions", "BPFInterpreter", "CaptureEvents", "CaptureFiles", "LinuxCalls",
      "JudgePrograms", "RealCaptures", "SeededRandom",
    ]),
]

let support: [Target] = [
  .target(name: "USDTFixture", path: "Tests/Support/USDTFixture"),
  .executableTarget(name: "connection-day", path: "Tests/Support/ConnectionDay"),
  .target(name: "CSpawn", path: "Tests/Support/CSpawn"),
  .target(name: "ProcessState", path: "Tests/Support/ProcessState"),
  .target(name: "JudgePrograms", path: "Tests/Support/JudgePrograms", swiftSettings: strict),
  .target(name: "RealCaptures", path: "Tests/Support/RealCaptures", swiftSettings: strict),
  .target(
    name: "FuzzTargets",
    dependencies: ["CaptureFiles", "CaptureEvents", "PacketFilter", "BPFInstructions", "BPFInterpreter"],
    path: "Tests/Support/FuzzTargets", swiftSettings: strict),
  .target(name: "SeededRandom", path: "Tests/Support/SeededRandom", swiftSettings: strict),
  .target(name: "GoldenObjects", path: "Tests/Support/GoldenObjects", swiftSettings: strict),
  embedding(
    .target(
      name: "FixturePrograms", dependencies: ["ByteReading"], path: "Tests/Support/FixturePrograms",
      swiftSettings: strict)),
  // The program that README shows, compiled as its reader would: without our own strictness.
  .executableTarget(
    name: "readme-example", dependencies: ["Merops"], path: "Tests/Support/README",
    swiftSettings: [.swiftLanguageMode(.v6)]),
]

// What Tests/Fuzz reaches beside the library; a product of nobody else's.
let fuzzing: [Product] =
  Context.environment["MEROPS_FUZZ"] == nil ? [] : [.library(name: "FuzzTargets", targets: ["FuzzTargets"])]

let package = Package(
  name: "Merops",
  products: [
    .library(name: "Merops", targets: ["Merops"]),
    .executable(name: "merops", targets: ["MeropsCommand"]),
  ] + fuzzing,
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
  ],
  targets: build + linux + object + runtime + capture + connections + tool + support + testing
)
