/// Migrates an index of an earlier schema version to the newest.
///
/// The large tables are made beside the old ones, batch by batch, and one transaction puts them in their place.
///
/// | after | a crash leaves | the next opening |
/// | --- | --- | --- |
/// | 1. the new tables are made beside the old ones | the store as it was, and tables that nobody reads | begins anew |
/// | 2. they are filled, some rows in each transaction | the same | begins anew |
/// | 3. one transaction: the old tables are dropped, the new ones renamed, and the version is raised | the store, migrated | |
struct Migration {
    let session: WriteSession

    /// The number of rows that one transaction copies.
    private static let batchRows = 100_000
    /// The number of slots whose rows are in memory at a time. Each such stretch takes one walk through the old index.
    private static let windowSlots = 64 * SlotBits.chunkSlots
    /// Only a forged index has more dead rows: their bits would take 512 MiB.
    private static let mostDead: Int64 = 1 << 32
    /// The largest number of neighbouring dead slots that a run includes. After a longer gap, a new run begins.
    private static let bridgedSlots = 64

    private var index: StoreIndex { session.index }

    func run() throws(VectorStoreError) {
        if !index.isOutdated { return }
        try index.checkNewNamesAreFree()
        if !index.isOfOffsets {
            return try session.commit { () throws(VectorStoreError) in
                try index.runLaterMigrations()
                // SQLite counts no change if a script makes nothing but empty tables.
                try index.raiseSequence()
            }
        }
        let record = try index.record()
        if record.deadRows > Self.mostDead {
            throw .damaged("the index counts \(record.deadRows) dead rows, more than any store has")
        }
        let outside = try index.earlierIDsOutside(record, end: record.nextSlot).map(\.idText)
        if !outside.isEmpty {
            throw .damaged("the ids \(VectorStoreError.list(outside)) name rows outside of the data file", ids: outside)
        }
        do { try makeTables(record) } catch {
            // The new tables may be what fills the disk. After an I/O error nothing more is written.
            if error.code != .ioError {
                try? session.commit { () throws(VectorStoreError) in try index.dropTablesBeside() }
            }
            throw error
        }
        session.log.mark.hasOriginColumns = true
    }

    private func makeTables(_ record: StoreRecord) throws(VectorStoreError) {
        let version = try session.commit { () throws(VectorStoreError) in
            try index.makeTablesBeside()
            return try index.pragma("data_version")
        }
        var copied: Int64 = 0
        while case let rows = try copyRows(record), rows > 0 { copied += Int64(rows) }
        if copied != record.liveRows, let what = try index.firstBadPage() {
            throw .damaged("the index counts \(record.liveRows) live rows, and \(copied) can be found in it: \(what)")
        }
        var run = PendingRun(at: Slot(0))
        for first in stride(from: 0, to: record.nextSlot.number, by: Self.windowSlots) {
            let end = min(first + Self.windowSlots, record.nextSlot.number)
            try fill(Slot(first)..<Slot(end), record, &run)
        }
        try session.commit { () throws(VectorStoreError) in
            try index.writeBeside(run, record.generation)
            if try index.pragma("data_version") != version { throw .foreignWriter }
            if !PlantedBug.migrationInParts.isPlanted { try swap(liveRows: copied) }
        }
        if PlantedBug.migrationInParts.isPlanted { try swap(liveRows: copied) }
    }

    private func copyRows(_ record: StoreRecord) throws(VectorStoreError) -> Int {
        try session.commit { () throws(VectorStoreError) in try index.copyRowsBeside(record, limit: Self.batchRows) }
    }

    private func swap(liveRows: Int64) throws(VectorStoreError) {
        try index.swapTables()
        var record = try index.record()
        record.liveRows = liveRows
        try index.update(record)
    }

    /// Writes the runs of some slots, and says which of the slots are dead.
    private func fill(
        _ slots: Range<Slot>,
        _ record: StoreRecord,
        _ run: inout PendingRun
    ) throws(VectorStoreError) {
        var rows: [LiveRow] = []
        try index.forEachEarlierRow(record, in: slots) { row in rows.append(row) }
        rows.sort { $0.slot < $1.slot }
        var pending = run
        try session.commit { () throws(VectorStoreError) in
            // On a full disk this closure runs twice.
            pending = run
            var dead = SlotBits()
            var next = slots.lowerBound
            for row in rows {
                if row.slot < next { throw .damaged("two ids share the row in slot \(row.slot.number)") }
                dead.insert(next..<row.slot)
                try append(row, record, to: &pending)
                next = row.slot.advanced(by: 1)
            }
            dead.insert(next..<slots.upperBound)
            let sequence = try index.sequence(after: index.record())
            for chunk in dead.numbers {
                guard let bits = dead.bytes(of: chunk) else { continue }
                try index.writeBeside(chunk: chunk, bits, record.generation, sequence)
            }
        }
        run = pending
    }

    private func append(
        _ row: LiveRow,
        _ record: StoreRecord,
        to run: inout PendingRun
    ) throws(VectorStoreError) {
        func begin(at slot: Slot) throws(VectorStoreError) {
            try index.writeBeside(run, record.generation)
            run = PendingRun(at: slot)
        }
        if run.end.distance(to: row.slot) > Self.bridgedSlots { try begin(at: row.slot) }
        while run.end < row.slot {
            if !run.append(nil, 0, record.codec) { try begin(at: run.end) }
        }
        if !run.append(row.id, row.checksum, record.codec) {
            try begin(at: row.slot)
            _ = run.append(row.id, row.checksum, record.codec)
        }
    }
}
