import Foundation

/// A directory for one run, which is removed afterwards, even after an error or an interrupt, since it can hold
/// gigabytes.
package struct Scratch {
    package let path: String

    package static func with<R>(in parent: String?, _ body: (Scratch) throws -> R) throws -> R {
        let (scratch, signals) = try make(in: parent)
        defer { scratch.remove(signals) }
        return try body(scratch)
    }

    package static func with<R>(in parent: String?, _ body: (Scratch) async throws -> R) async throws -> R {
        let (scratch, signals) = try make(in: parent)
        defer { scratch.remove(signals) }
        return try await body(scratch)
    }

    private static func make(in parent: String?) throws -> (Scratch, [any DispatchSourceSignal]) {
        let parent = parent ?? NSTemporaryDirectory()
        let path = parent + (parent.hasSuffix("/") ? "" : "/") + "lacuna-benchmark-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        return (Scratch(path: path), [SIGINT, SIGTERM].map { removeAtSignal($0, path) })
    }

    private func remove(_ signals: [any DispatchSourceSignal]) {
        signals.forEach { $0.cancel() }
        try? FileManager.default.removeItem(atPath: path)
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
