// swift-tools-version: 6.3
import PackageDescription

let package = Package(
    name: "beside",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(name: "Lacuna", path: "../.."),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
    ],
    targets: [
        .executableTarget(
            name: "beside",
            dependencies: [
                .product(name: "Lacuna", package: "Lacuna"),
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            path: "Sources",
            swiftSettings: [.treatAllWarnings(as: .error)]
        )
    ]
)
