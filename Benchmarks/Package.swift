// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "Benchmarks",
    platforms: [.macOS(.v15)],
    dependencies: [.package(name: "Lacuna", path: "..")],
    targets: [
        .executableTarget(name: "Million", dependencies: [.product(name: "Lacuna", package: "Lacuna")])
    ],
    swiftLanguageModes: [.v6]
)
