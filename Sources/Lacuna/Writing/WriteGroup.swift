/// Batches that are gathered into one transaction, and share its two syncs: those of the threads that wait for their turn at
/// the same time, or, with relaxed durability, those of an interval.
///
/// There is no weaker way of committing underneath, only fewer commits. Each batch but the first is a savepoint, so that one
/// that fails leaves the others of its group alone.
final class WriteGroup {
    let session: WriteSession
    private let isRelaxed: Bool
    private var rows: RowWriter?
    /// Of the group under way, for those who wait for its commit; nil with relaxed durability.
    private(set) var outcome: CommitOutcome?

    /// Bytes of rows after which a group is committed without waiting for its time.
    private static let byteLimit: Int64 = 8 << 20

    init(_ session: WriteSession, isRelaxed: Bool) {
        self.session = session
        self.isRelaxed = isRelaxed
    }

    var isEmpty: Bool { rows == nil }
    /// Whether it does nothing but delete, which works on a full disk, as long as nothing else joins it.
    var deletesOnly: Bool { rows?.repeatableDeletes?.isEmpty == false }

    private var connection: Connection { session.index.connection }

    /// All of what `body` asks for joins the group, or nothing.
    ///
    /// - Throws: What `body` throws as a ``CallersError``; but an I/O error of this store's in its place, whatever `body` has
    ///   made of it.
    func write<R>(_ body: (RowWriter) throws -> R) throws -> R {
        let rows = try openRows()
        let mark = rows.mark
        let result: R
        do {
            if mark.hasChanges { try connection.run("SAVEPOINT batch") }
            do { result = try body(rows) } catch { throw CallersError(error: error) }
            try rows.checkFailure()
            if mark.hasChanges { try connection.run("RELEASE batch") }
        } catch {
            let failure = rows.failure
            try undoBatch(rows, mark, after: error)
            if let failure, failure.code == .ioError { throw failure }
            throw error
        }
        if rows.addedBytes >= Self.byteLimit { try commit() }
        return result
    }

    /// Makes the group durable, and tells those who wait for that; nothing happens if it is empty.
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
        // Nobody is told of what a group has gathered before it is committed.
        if isRelaxed { try session.checkPlace() }
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
        if !mark.hasChanges { return settle(.success(())) }
        let lost = reason ?? VectorStoreError(.ioError, "\(error)", cause: error)
        settle(.failure(lost))
        if isRelaxed { throw Self.lost(lost) }
    }

    private static func lost(_ error: VectorStoreError) -> VectorStoreError {
        // A commit whose sync failed may be on the disk all the same.
        let verb = error.code == .ioError ? "may not be" : "are not"
        return error.within("the relaxed writes since the last flush \(verb) in the store")
    }
}
