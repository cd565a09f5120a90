/// Batches that are gathered into one transaction, which is committed a little later: relaxed durability.
///
/// There is no weaker way of committing underneath, only fewer commits. Each batch is a savepoint, so that one that fails
/// leaves the others of its group alone.
final class WriteGroup {
    private let session: WriteSession
    private var rows: RowWriter?

    /// Bytes of rows after which a group is committed without waiting for its time.
    private static let byteLimit: Int64 = 8 << 20

    init(_ session: WriteSession) { self.session = session }

    var isEmpty: Bool { rows == nil }

    private var connection: Connection { session.index.connection }

    /// All of what `body` asks for joins the group, or nothing.
    func write<R>(_ body: (RowWriter) throws -> R) throws -> R {
        let rows = try openRows()
        let mark = rows.mark
        let result: R
        do {
            try connection.run("SAVEPOINT batch")
            result = try body(rows)
            try rows.checkFailure()
            try connection.run("RELEASE batch")
        } catch {
            try undoBatch(rows, mark, after: error)
            throw error
        }
        if rows.addedBytes >= Self.byteLimit { try commit() }
        return result
    }

    /// Makes the group durable; nothing happens if it is empty.
    func commit() throws(VectorStoreError) {
        guard let rows else { return }
        self.rows = nil
        do { try session.commit(rows) } catch { throw Self.lost(error) }
    }

    private func openRows() throws(VectorStoreError) -> RowWriter {
        if let rows { return rows }
        try connection.run(Connection.TransactionKind.write.rawValue)
        do {
            let rows = try RowWriter(session)
            self.rows = rows
            return rows
        } catch {
            connection.rollBack()
            throw error
        }
    }

    /// Takes the batch out of the group. Without others in it the group ends here, so that the next write begins one, with
    /// a time of its own.
    ///
    /// The whole group is gone, and that is said, where SQLite rolled the transaction back by itself, as it does on some
    /// errors, or where an I/O error makes it unsafe to go on.
    private func undoBatch(_ rows: RowWriter, _ mark: RowWriter.Mark, after error: any Error) throws(VectorStoreError) {
        var reason = rows.failure ?? error as? VectorStoreError
        if mark.hasChanges && connection.isInTransaction && rows.failure?.code != .ioError {
            do {
                try connection.run("ROLLBACK TO batch")
                try connection.run("RELEASE batch")
                return rows.restore(mark)
            } catch { reason = error }
        }
        connection.rollBack()
        self.rows = nil
        if mark.hasChanges { throw Self.lost(reason ?? VectorStoreError(.ioError, "\(error)", cause: error)) }
    }

    private static func lost(_ error: VectorStoreError) -> VectorStoreError {
        // A commit whose sync failed may be on the disk all the same.
        let verb = error.code == .ioError ? "may not be" : "are not"
        return VectorStoreError(
            error.code,
            "\(error.message); the relaxed writes since the last flush \(verb) in the store",
            cause: error
        )
    }
}
