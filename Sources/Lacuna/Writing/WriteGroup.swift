/// A group: batches that share one transaction, and so its two syncs. They are those of threads that wait for their
/// turns at the same time, or, with relaxed durability, those of an interval.
///
/// The commit itself isn't weaker than others; there are only fewer of them. Each batch except the first is a
/// savepoint, so that a batch that fails leaves the others of its group alone.
final class WriteGroup {
    let session: WriteSession
    private let isRelaxed: Bool
    private var rows: RowWriter?
    /// The outcome of the group under way, for the threads that wait for its commit; nil with relaxed durability.
    private(set) var outcome: CommitOutcome?

    /// After this many bytes of rows, a group is committed before its interval has passed.
    private static let byteLimit: Int64 = 8 << 20

    init(_ session: WriteSession, isRelaxed: Bool) {
        self.session = session
        self.isRelaxed = isRelaxed
    }

    var isEmpty: Bool { rows == nil }
    /// Whether the group only deletes. That works on a full disk, unless another change joins the group.
    var deletesOnly: Bool { rows?.repeatableDeletes?.isEmpty == false }

    private var connection: Connection { session.index.connection }

    /// Adds all changes that `body` asks for to the group, or none.
    ///
    /// - Throws: The error of `body` as a ``CallersError``. An I/O error of this store is thrown in its place, even if
    ///   `body` has caught it.
    func write<R>(_ body: (RowWriter) throws -> R) throws -> R {
        let rows = try openRows()
        let savepoint = rows.savepoint
        let result: R
        do {
            if savepoint.hasChanges { try connection.run("SAVEPOINT batch") }
            do { result = try body(rows) } catch { throw CallersError(error: error) }
            try rows.checkFailure()
            if savepoint.hasChanges { try connection.run("RELEASE batch") }
        } catch {
            let failure = rows.failure
            try undoBatch(rows, savepoint, after: error)
            if let failure, failure.code == .ioError { throw failure }
            throw error
        }
        if rows.addedBytes >= Self.byteLimit { try commit() }
        return result
    }

    /// Makes the group durable, and wakes the threads that wait for that. Does nothing if the group is empty.
    func commit() throws(VectorStoreError) {
        guard let rows else { return }
        self.rows = nil
        do {
            try session.commit(rows)
            settle(.success(()))
        } catch {
            let error = isRelaxed ? Self.lost(error) : error
            settle(.failure(error))
            throw error
        }
    }

    private func settle(_ result: Result<Void, VectorStoreError>) {
        outcome?.settle(result)
        outcome = nil
    }

    private func openRows() throws(VectorStoreError) -> RowWriter {
        if let rows { return rows }
        // The place is checked now, so that a relaxed write to a moved store fails at once, and not only at the commit.
        if isRelaxed { try session.checkIdentity() }
        try session.begin()
        do {
            let rows = try RowWriter(session)
            self.rows = rows
            if !isRelaxed { outcome = CommitOutcome() }
            return rows
        } catch {
            connection.rollBack()
            throw error
        }
    }

    /// Removes the batch from the group. If it was the only one, the group ends, so that the next write begins a group
    /// with an interval of its own.
    ///
    /// The whole group is lost, and this is reported, if SQLite has rolled the transaction back by itself, as it does
    /// on some errors, or if an I/O error makes it unsafe to go on.
    private func undoBatch(_ rows: RowWriter, _ savepoint: RowWriter.Savepoint, after error: any Error)
        throws(VectorStoreError)
    {
        var reason = rows.failure ?? error as? VectorStoreError
        if savepoint.hasChanges && connection.isInTransaction && rows.failure?.code != .ioError {
            do {
                try connection.run("ROLLBACK TO batch")
                try connection.run("RELEASE batch")
                return rows.restore(savepoint)
            } catch { reason = error }
        }
        connection.rollBack()
        self.rows = nil
        if !savepoint.hasChanges { return settle(.success(())) }
        let lost = reason ?? VectorStoreError(.ioError, "\(error)", cause: error)
        settle(.failure(lost))
        if isRelaxed { throw Self.lost(lost) }
    }

    private static func lost(_ error: VectorStoreError) -> VectorStoreError {
        // A commit may be on the disk even though its sync failed.
        let verb = error.code == .ioError ? "may not be" : "are not"
        return error.within("the relaxed writes since the last flush \(verb) in the store")
    }
}
