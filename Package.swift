// swift-tools-version: 6.3
import PackageDescription

let isCI = Context.environment["LACUNA_CI"] != nil
/// `make fuzz` sets it, so that our own targets are built for libFuzzer and AddressSanitizer. That needs unsafe flags,
/// so nothing else sets it.
let isFuzzing = Context.environment["LACUNA_FUZZ"] != nil
/// `make sanitize-undefined` sets it, so that the C code ends the process when its behaviour is undefined.
let isCheckingUndefined = Context.environment["LACUNA_UNDEFINED"] != nil

/// Our own targets build without warnings. If `LACUNA_CI` is set, as `make` does, a warning is an error.
let swiftSettings: [SwiftSetting] =
    [
        .strictMemorySafety(),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
    ] + (isCI ? [.treatAllWarnings(as: .error)] : [])
    + (isFuzzing ? [.unsafeFlags(["-sanitize=fuzzer,address", "-parse-as-library"])] : [])
    // Compiles the bugs in that the crash tests must find; see PlantedBug.swift.
    + (Context.environment["LACUNA_PLANTED_BUGS"] == nil ? [] : [.define("LACUNA_PLANTED_BUGS")])

let cSettings: [CSetting] =
    (isCI ? [.treatAllWarnings(as: .error)] : [])
    + (isFuzzing ? [.unsafeFlags(["-fsanitize=fuzzer-no-link,address"])] : [])
    + (isCheckingUndefined ? [.unsafeFlags(["-fsanitize=undefined", "-fno-sanitize-recover=all"])] : [])

let cLinkerSettings: [LinkerSetting] =
    isCheckingUndefined ? [.unsafeFlags(["-Xclang-linker", "-fsanitize=undefined"])] : []

// On other systems a resource would put a bundle beside every binary.
#if os(macOS)
let (privacyManifest, excluded): ([Resource], [String]) = ([.copy("PrivacyInfo.xcprivacy")], [])
#else
let (privacyManifest, excluded): ([Resource], [String]) = ([], ["PrivacyInfo.xcprivacy"])
#endif

let package = Package(
    name: "Lacuna",
    platforms: [.macOS(.v15), .iOS(.v18)],
    products: [
        .library(name: "Lacuna", targets: ["Lacuna"]),
        .library(name: "LacunaFormats", targets: ["LacunaFormats"]),
        .executable(name: "lacuna", targets: ["LacunaCLI"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
    ],
    targets: [
        .systemLibrary(name: "CLacunaSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
        .target(name: "CLacunaPlatform", cSettings: cSettings, linkerSettings: cLinkerSettings),
        .target(
            name: "CLacunaStoreVFS",
            dependencies: ["CLacunaSQLite"],
            cSettings: cSettings,
            linkerSettings: cLinkerSettings
        ),
        .target(name: "CLacunaVectorKernels", cSettings: cSettings, linkerSettings: cLinkerSettings),
        .target(
            name: "LacunaMigrations",
            path: "migrations",
            resources: [
                .embedInCode("0001_initial.sql"), .embedInCode("0002_log_origin.sql"), .embedInCode("0003_slots.sql"),
                .embedInCode("0004_model.sql"),
                .embedInCode("0005_text.sql"),
            ],
            swiftSettings: swiftSettings
        ),
        .target(name: "LacunaPlatform", dependencies: ["CLacunaPlatform"], swiftSettings: swiftSettings),
        .target(
            name: "LacunaSQLite",
            dependencies: ["LacunaPlatform", "CLacunaPlatform", "CLacunaSQLite", "CLacunaStoreVFS"],
            swiftSettings: swiftSettings
        ),
        .target(
            name: "Lacuna",
            dependencies: [
                "LacunaPlatform", "LacunaSQLite", "CLacunaPlatform", "CLacunaSQLite", "CLacunaVectorKernels",
                "LacunaMigrations", .product(name: "Logging", package: "swift-log"),
            ],
            exclude: excluded,
            resources: privacyManifest,
            swiftSettings: swiftSettings
        ),
        .target(
            name: "LacunaFormats",
            dependencies: ["LacunaPlatform", "LacunaSQLite", "CLacunaPlatform", "CLacunaVectorKernels"],
            swiftSettings: swiftSettings
        ),
        .executableTarget(
            name: "LacunaCLI",
            dependencies: [
                "Lacuna", "LacunaFormats", "LacunaPlatform",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            resources: [.embedInCode("Report/report.css")],
            swiftSettings: swiftSettings
        ),
        .target(
            name: "CLacunaTestVFS",
            dependencies: ["CLacunaSQLite"],
            path: "Tests/CLacunaTestVFS",
            cSettings: cSettings
        ),
        .target(
            name: "TestSupport",
            dependencies: ["Lacuna"],
            path: "Tests/TestSupport",
            swiftSettings: swiftSettings
        ),
        .executableTarget(
            name: "ReadingProcess",
            dependencies: ["Lacuna", "TestSupport"],
            path: "Tests/ReadingProcess",
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "LacunaTests",
            dependencies: [
                "Lacuna", "LacunaFormats", "LacunaMigrations", "CLacunaTestVFS", "TestSupport",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "InMemoryLogging", package: "swift-log"),
            ],
            resources: [.copy("Fixtures")],
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "LacunaFormatsTests",
            dependencies: ["LacunaFormats", "TestSupport"],
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "KernelTests",
            dependencies: ["CLacunaVectorKernels", "CLacunaPlatform", "TestSupport"],
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "LacunaCLITests",
            dependencies: [
                "LacunaCLI", "Lacuna", "LacunaFormats", "TestSupport", .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: swiftSettings
        ),
    ],
    swiftLanguageModes: [.v6]
)

// `make docs` sets it; those who depend on Lacuna don't fetch the plugin.
if Context.environment["LACUNA_DOCS"] != nil {
    package.dependencies.append(.package(url: "https://github.com/swiftlang/swift-docc-plugin", from: "1.5.0"))
}

if isFuzzing {
    package.targets += [
        .systemLibrary(name: "CLibFuzzer", path: "Fuzz/CLibFuzzer"),
        .executableTarget(
            name: "Fuzz",
            dependencies: ["Lacuna", "LacunaFormats", "CLacunaPlatform", "CLibFuzzer", "TestSupport"],
            path: "Fuzz/Sources",
            swiftSettings: swiftSettings,
            linkerSettings: [
                .unsafeFlags(["-sanitize=fuzzer,address"]),
                // GNU gold can't link it.
                .unsafeFlags(["-use-ld=lld"], .when(platforms: [.linux])),
            ]
        ),
    ]
}
