import Foundation

/// A directory for one run, which is removed afterwards, even after an error or an interrupt, since it can hold
/// gigabytes.
package struct Scratch {
    package let path: String

    package static func with<R>(in parent: String?, _ body: (Scratch) throws -> R) throws -> R {
        let parent = parent ?? NSTemporaryDirectory()
        let path = parent + (parent.hasSuffix("/") ? "" : "/") + "lacuna-benchmark-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        let signals = [SIGINT, SIGTERM].map { removeAtSignal($0, path) }
        defer {
            signals.forEach { $0.cancel() }
            try? FileManager.default.removeItem(atPath: path)
        }
        return try body(Scratch(path: path))
    }

    /// Calls `body` with a path that doesn't exist yet, and removes what `body` has made there.
    package func withPath<R>(_ name: String, _ body: (String) throws -> R) throws -> R {
        let path = self.path + "/" + name
        defer { try? FileManager.default.removeItem(atPath: path) }
        return try body(path)
    }

    private static func removeAtSignal(_ number: Int32, _ path: String) -> any DispatchSourceSignal {
        signal(number, SIG_IGN)
        let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
        source.setEventHandler {
            // Other threads may still make files there.
            for _ in 0..<10 where FileManager.default.fileExists(atPath: path) {
                try? FileManager.default.removeItem(atPath: path)
            }
            exit(128 + number)
        }
        source.resume()
        return source
    }
}
