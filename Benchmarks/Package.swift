// swift-tools-version: 6.3
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
        .systemLibrary(name: "CLMDB", pkgConfig: "lmdb", providers: [.apt(["liblmdb-dev"]), .brew(["lmdb"])]),
        // Lacuna has a module CLacunaSQLite of its own.
        .systemLibrary(name: "CPlainSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
        .target(name: "CMachine", cSettings: [.unsafeFlags(["-O3", "-ffp-contract=fast"])]),
        .target(
            name: "Measuring",
            dependencies: ["CHeap", .product(name: "Histogram", package: "hdrhistogram-swift")]
        ),
        .executableTarget(
            name: "LacunaBench",
            dependencies: [
                "Measuring", "CMachine", "CLMDB", "CPlainSQLite",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Lacuna", package: "Lacuna"),
            ]
        ),
        .target(name: "CAllocations"),
        .executableTarget(
            name: "Allocations",
            dependencies: ["CAllocations", "Measuring", .product(name: "Lacuna", package: "Lacuna")]
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
