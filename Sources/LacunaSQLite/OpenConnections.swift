package import LacunaPlatform

/// The connections of this process, by the directory of their database. If any other descriptor of the database were
/// closed, all of these connections would lose their locks (fcntl(2)), and another process could remove a log that is
/// in use.
package enum OpenConnections {
    private struct State: Sendable {
        var connections: [FileIdentity: Int] = [:]
        var copied: Set<FileIdentity> = []
    }

    private static let state = Guarded(State())

    /// Registers one connection for as long as this object lives.
    final class Entry: Sendable {
        private let directory: FileIdentity

        /// - Throws: `busy` while the database is copied.
        init(_ directory: Directory) throws(VectorStoreError) {
            let identity = directory.identity
            try state.withLock { state throws(VectorStoreError) in
                if state.copied.contains(identity) {
                    throw VectorStoreError(
                        .busy,
                        "this process is copying the index in \(directory.path)",
                        remedy: "try again when that has ended"
                    )
                }
                state.connections[identity, default: 0] += 1
            }
            self.directory = identity
        }

        deinit {
            state.withLock { state in
                let others = (state.connections[directory] ?? 1) - 1
                state.connections[directory] = others > 0 ? others : nil
            }
        }
    }

    /// Calls `body`, which opens the database in the directory with descriptors of its own, while this process has no
    /// connection to it.
    ///
    /// - Throws: `busy` if there is one.
    package static func excluded<R>(
        from directory: Directory,
        _ body: () throws(VectorStoreError) -> R
    ) throws(VectorStoreError) -> R {
        let identity = directory.identity
        try state.withLock { state throws(VectorStoreError) in
            if state.connections[identity] != nil || !state.copied.insert(identity).inserted {
                throw VectorStoreError(
                    .busy,
                    """
                    this process has the store at \(directory.path) open, if only for reading, and copying its index would \
                    drop SQLite's locks
                    """,
                    remedy: "close those handles, or do it in another process"
                )
            }
        }
        defer { state.withLock { _ = $0.copied.remove(identity) } }
        return try body()
    }
}
