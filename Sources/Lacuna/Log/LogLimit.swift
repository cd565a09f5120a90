package import Logging

/// Keeps SQLite's log from growing without end.
///
/// The log can begin anew only when no reader holds an older state than the newest: while a snapshot is held, the log
/// grows with every commit. First a warning is logged, and later writes are refused: a full disk would be worse.
///
/// It is not thread-safe: it is used only in the writer's turn.
package final class LogLimit {
    private let warningBytes: Int64
    private let limitBytes: Int64
    private let logger: Logger?
    /// Whether a warning was logged since the log was last short enough.
    private var hasWarned = false

    /// Both sizes are in bytes; the second is no less than the first.
    package init(warningBytes: Int64 = .max, limitBytes: Int64 = .max, logger: Logger? = nil) {
        self.warningBytes = warningBytes
        self.limitBytes = limitBytes
        self.logger = logger
    }

    /// Throws `busy` if the log has reached its limit even after `empty` was tried.
    ///
    /// A long file doesn't prove that a snapshot is held for long: a large transaction leaves one too, and SQLite cuts
    /// it only at a commit after a complete checkpoint, to the length that it was told to keep. So `empty` is called
    /// before the warning. It returns false if something other than readers was in its way.
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
    /// Called before a transaction that adds to the log: throws `busy`, with nothing changed, if the log has reached
    /// its limit and can't be emptied. Waits for readers only if the log is long, and 20 ms at most.
    ///
    /// - Parameter endTransaction: Ends a transaction that is open on the connection: inside one the log can't be
    ///   emptied.
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
                // Another process uses the log; its length decides.
                case .busy: return true
                // The database has no room to grow. The write will meet the same error, and a delete can deal with it.
                case .diskFull: return false
                default: throw error
                }
            }
            return true
        }
    }
}
