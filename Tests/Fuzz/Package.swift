// swift-tools-version: 6.2
import PackageDescription

// A package of its own, since its targets are built with a sanitizer (see run).
let package = Package(
  name: "Fuzz",
  dependencies: [.package(name: "Merops", path: "../..")],
  targets: [
    .target(name: "CFuzzer"),
    .executableTarget(name: "mutate", dependencies: [.product(name: "Merops", package: "Merops")]),
    .executableTarget(
      name: "fuzz",
      dependencies: [
        "CFuzzer", .product(name: "Merops", package: "Merops"), .product(name: "FuzzTargets", package: "Merops"),
      ]),
  ]
)
