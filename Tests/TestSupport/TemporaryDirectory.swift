package import Foundation

/// A directory of its own for one test, deleted with the last reference.
package final class TemporaryDirectory: Sendable {
    package let path: String

    package init() throws {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("lacuna-test-\(UUID())").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    package static func / (directory: TemporaryDirectory, name: String) -> String { directory.path + "/" + name }

    package func names() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: path).sorted() }

    package func write(_ name: String, _ bytes: some Sequence<UInt8>) throws -> String {
        try Data(bytes).write(to: URL(fileURLWithPath: self / name))
        return self / name
    }

    package func write(_ name: String, _ text: String) throws -> String { try write(name, text.utf8) }

    package func read(_ name: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: self / name)) }
}
