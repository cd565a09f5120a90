// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "Benchmarks",
    platforms: [.macOS(.v15)],
    products: [.executable(name: "lacuna-bench", targets: ["LacunaBench"])],
    dependencies: [
        .package(name: "Lacuna", path: ".."),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    ],
    targets: [
        .systemLibrary(name: "CHeap"),
        .target(
            name: "Measuring",
            dependencies: ["CHeap", .product(name: "Histogram", package: "hdrhistogram-swift")]
        ),
        .executableTarget(
            name: "LacunaBench",
            dependencies: [
                "Measuring",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Lacuna", package: "Lacuna"),
            ]
        ),
        .executableTarget(
            name: "Million",
            dependencies: ["Measuring", .product(name: "Lacuna", package: "Lacuna")]
        ),
        .executableTarget(
            name: "Online",
            dependencies: [
                "Measuring",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Lacuna", package: "Lacuna"),
            ]
        ),
    ],
    swiftLanguageModes: [.v6]
)
