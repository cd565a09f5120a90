package import Foundation

/// The places of this package and of its products.
package enum Repository {
    package static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// The directory of the sample that is part of the package.
    package static let sample = root.appendingPathComponent("Examples/packages").path

    /// The directory of the running tests, and of the package's programs.
    package static let products = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
}
