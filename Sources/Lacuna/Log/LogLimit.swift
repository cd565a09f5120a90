package import Logging

/// Keeps SQLite's log from growing without end.
///
/// The log can begin anew only when no reader is in a state that is older than the newest: under a snapshot that is held for
/// long it grows with every commit. First somebody is told, then writing is refused: a full disk would be worse.
///
/// Not thread-safe: touched only in the writer's turn.
package final class LogLimit {
    private let warningBytes: Int64
    private let limitBytes: Int64
    private let logger: Logger?
    /// Whether the log has been too long, and said to be, ever since it was last short enough.
    private var hasWarned = false

    /// Both sizes are in bytes, the second no less than the first.
    package init(warningBytes: Int64 = .max, limitBytes: Int64 = .max, logger: Logger? = nil) {
        self.warningBytes = warningBytes
        self.limitBytes = limitBytes
        self.logger = logger
    }

    /// Throws `busy` if the log is as long as may be, also after `empty` was tried.
    ///
    /// A long file is not yet a long-held snapshot: a large transaction leaves one too, and SQLite cuts it only by what it
    /// is told to keep, at a commit after a complete checkpoint. Hence `empty` before anything is said. It answers with
    /// false where it isn't readers that were in its way.
    fileprivate func check(
        size: () throws(VectorStoreError) -> Int64,
        empty: () throws(VectorStoreError) -> Bool
    ) throws(VectorStoreError) {
        var bytes = try size()
        if bytes >= limitBytes || bytes >= warningBytes && !hasWarned {
            guard try empty() else { return }
            bytes = try size()
        }
        if bytes < warningBytes {
            hasWarned = false
            return
        }
        warn(bytes)
        if bytes >= limitBytes { throw refusal(bytes) }
    }

    private func warn(_ bytes: Int64) {
        if hasWarned { return }
        hasWarned = true
        logger?.warning(
            """
            index.sqlite-wal has grown to \(bytes) bytes, since a reader holds an old snapshot; end long reads: at \
            \(limitBytes) bytes writes are refused
            """
        )
    }

    private func refusal(_ bytes: Int64) -> VectorStoreError {
        VectorStoreError(
            .busy,
            """
            nothing was written: index.sqlite-wal has \(bytes) bytes, and can't be emptied while a reader (a snapshot, or a \
            shell in a transaction) still reads an old state
            """,
            remedy: "let that read end, then try again"
        )
    }
}

extension StoreLog {
    /// Before a transaction that adds to the log: throws `busy`, with nothing changed, if that is as long as it may be
    /// and can't be emptied. Waits for readers only if the log is long, 20 ms at most.
    ///
    /// - Parameter endTransaction: Ends the transaction that the connection may be in: inside one the log can't be emptied.
    func limit(
        endingTransaction endTransaction: () throws(VectorStoreError) -> Void = {}
    ) throws(VectorStoreError) {
        if !connection.isInTransaction {
            do throws(VectorStoreError) { try keepShort() } catch {
                if error.code != .diskFull { throw error }
            }
        }
        try limits.check(size: fileBytes) { () throws(VectorStoreError) in
            try endTransaction()
            do throws(VectorStoreError) { _ = try empty(waitingForReaders: true) } catch {
                switch error.code {
                // Somebody else is at the log; its length decides.
                case .busy: return true
                // The database has no room to grow: the write finds out by itself, and a delete knows what to do then.
                case .diskFull: return false
                default: throw error
                }
            }
            return true
        }
    }
}
