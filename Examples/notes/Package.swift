// swift-tools-version: 6.3
import PackageDescription

let package = Package(
    name: "notes",
    platforms: [.macOS(.v15)],
    dependencies: [.package(name: "Lacuna", path: "../..")],
    targets: [
        .executableTarget(
            name: "notes",
            dependencies: [.product(name: "Lacuna", package: "Lacuna")],
            path: "Sources",
            swiftSettings: [.treatAllWarnings(as: .error)]
        )
    ]
)
