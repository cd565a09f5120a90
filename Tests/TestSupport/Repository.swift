package import Foundation

/// Where this package lies, and what is built from it.
package enum Repository {
    package static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// The directory of the sample that ships.
    package static let sample = root.appendingPathComponent("Examples/packages").path

    /// The directory of the running tests, and of the package's programs.
    static let products = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
}
