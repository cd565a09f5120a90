/// The live rows of one commit, in offset order: what an exact search walks. SQLite can rebuild it at any time.
final class LiveRows: Sendable {
    let generation: Int64
    let commitSequence: Int64
    /// Where each row lies; ascending.
    let offsets: [Int64]
    /// The ids of the same rows.
    let ids: [SQLValue]

    private init(_ record: StoreRecord, _ rows: [(id: SQLValue, offset: Int64)]) {
        generation = record.generation
        commitSequence = record.commitSequence
        offsets = rows.map(\.offset)
        ids = rows.map(\.id)
    }

    func isSame(as other: LiveRows) -> Bool {
        generation == other.generation && commitSequence == other.commitSequence && offsets == other.offsets
            && ids == other.ids
    }

    /// Reads all rows, or those that pass the filter. O(rows · log rows) time; 32 bytes a row and the text of its id.
    static func load(_ snapshot: Snapshot, _ filter: Filter?) throws -> LiveRows {
        var rows: [(id: SQLValue, offset: Int64)] = []
        func add(_ id: SQLValue, _ entry: RowEntry) throws(VectorStoreError) {
            try snapshot.check(id, entry)
            rows.append((id, entry.offset))
        }
        if let filter {
            try snapshot.index.forEachMatch(snapshot.record.generation, filter) {
                id,
                entry,
                _ in try add(id, entry)
            }
        } else {
            try snapshot.index.forEachRow(snapshot.record.generation) { id, entry throws(VectorStoreError) in
                try add(id, entry)
            }
        }
        rows.sort { $0.offset < $1.offset }
        return LiveRows(snapshot.record, rows)
    }
}

/// The live rows of the newest commit that was searched, kept until a search sees another commit.
final class LiveRowsCache: Sendable {
    private struct Entry {
        let rows: LiveRows
        /// `PRAGMA data_version` of each connection that found the rows to be these. It means something only within its
        /// connection, so one that isn't in here has to look for itself.
        var versions: [Int: Int64]
    }

    private let entry = Guarded<Entry?>(nil)

    func rows(_ snapshot: Snapshot) throws -> LiveRows {
        let connection = snapshot.index.connection.serial
        let known = entry.withLock { entry -> LiveRows? in
            guard let rows = entry?.rows, rows.generation == snapshot.record.generation,
                rows.commitSequence == snapshot.record.commitSequence,
                entry?.versions[connection] == snapshot.foreignVersion
            else { return nil }
            return rows
        }
        if let known { return known }
        let rows = try LiveRows.load(snapshot, nil)
        entry.withLock { entry in
            guard rows.commitSequence >= entry?.rows.commitSequence ?? 0 else { return }
            // A change that isn't ours has no number: what other connections found holds only for the same rows.
            let isSame = entry.map { rows.isSame(as: $0.rows) } ?? false
            var versions = isSame ? entry?.versions ?? [:] : [:]
            versions[connection] = snapshot.foreignVersion
            entry = Entry(rows: rows, versions: versions)
        }
        return rows
    }
}

/// The live rows of one snapshot, looked up once: while it lasts, the cache goes on to newer commits.
final class SnapshotRows {
    private let cache: LiveRowsCache
    private var rows: LiveRows?

    init(_ cache: LiveRowsCache) { self.cache = cache }

    func rows(_ snapshot: Snapshot) throws -> LiveRows {
        if let rows { return rows }
        let found = try cache.rows(snapshot)
        rows = found
        return found
    }
}
