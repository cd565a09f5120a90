import Dispatch

/// Where each id's row lies, in the memory of the writing process: reads by id ask it instead of SQL.
///
/// Only SQLite's tables are the truth. What is in here is believed while the state that it was made from is the newest one,
/// which the wal-index tells at each read (``LogVersion``): not after a commit of another program, and not between a commit
/// of this one and the moment when its changes are in here. Whoever finds it not to be believed asks the index.
///
/// It is filled by a thread of its own once so many reads have asked the index that filling costs no more than they did: so
/// opening pays nothing, and neither does who reads a few rows. It goes when its rows would take more than the limit, after a
/// commit that it wasn't told of, and when a rewrite has moved all rows.
///
/// `@unchecked Sendable`: `table` and `version` are written under all stripes' locks and `state`'s, and read under any of
/// them. `state`'s comes first.
@safe
final class IndexCache: @unchecked Sendable {
    /// The state after a commit of this process.
    private struct Commit: Sendable {
        let base: LogVersion
        let version: LogVersion
        let changes: [RowChanges.Change]
        let record: StoreRecord
    }

    /// The table that a thread is making.
    private struct Filling: Sendable {
        let generation: Int64
        /// What was committed since it began.
        var commits: [Commit] = []
        var changes = 0
    }

    private struct State: Sendable {
        /// Reads that asked the index since the table was filled, or gone.
        var misses = 0
        /// Whose rows are in the table; nil where it isn't in use.
        var rows: MappedRows?
        var filling: Filling?
        var isClosed = false
    }

    let readers: ReadStripes
    private let log: SharedLog
    private let files: CurrentFile
    private let rowLimit: Int
    private let state = Guarded(State())
    /// The threads that fill.
    private let fillers = DispatchGroup()
    /// Nil where it isn't in use. Not counted by readers: it is let go under all stripes' locks.
    private var table: Unmanaged<RowTable>?
    private var version: LogVersion?

    /// A read by SQL costs about as much as taking so many rows into the table.
    private static let rowsPerMiss = 16
    /// Fewer reads than that aren't worth a thread.
    private static let leastMisses = 64
    /// Changes made at a time, while readers wait.
    private static let slice = 64
    /// More changes than that are cheaper to read from the index.
    private static let changeLimit = 100_000
    /// Rows read from the index at a time: as long as that keeps the log from beginning anew.
    private static let batchRows = 10_000

    /// Nil where there is no log to tell of commits, or no room for a row.
    init?(_ connection: Connection, _ files: CurrentFile, _ readers: ReadStripes, limitBytes: Int) {
        guard let log = connection.sharedLog, limitBytes >= RowTable.bytesPerRow else { return nil }
        self.log = log
        self.files = files
        self.readers = readers
        rowLimit = min(limitBytes / RowTable.bytesPerRow, RowTable.maxSlots)
    }

    deinit { unsafe table?.release() }

    // MARK: Reading

    enum Lookup<R> {
        /// The index has to be asked.
        case unknown
        case absent
        case found(R)
    }

    /// Calls `body` with the row of an id in the newest state. Nothing destroys it until `body` returns.
    @inline(__always)
    func withRow<R>(_ key: RowKey, _ body: (Span<Float>) throws -> R) rethrows -> Lookup<R> {
        let stripe = readers.mine
        stripe.lock()
        guard let rows = unsafe stripe.current, let table = unsafe table, log.version == version else {
            stripe.unlock()
            return .unknown
        }
        guard let slot = unsafe table._withUnsafeGuaranteedRef({ $0.slot(key) }) else {
            stripe.unlock()
            return .absent
        }
        stripe.pinCurrent()
        stripe.enter()
        stripe.unlock()
        defer {
            stripe.lock()
            stripe.leave()
            unsafe stripe.unpin(rows)
            stripe.unlock()
        }
        let row = unsafe rows._withUnsafeGuaranteedRef {
            unsafe UnsafeBufferPointer(start: $0.row(slot), count: $0.dimension)
        }
        return .found(try unsafe body(row.span))
    }

    /// Whether a row has the id; nil where the index has to be asked.
    func contains(_ key: RowKey) -> Bool? {
        let stripe = readers.mine
        stripe.lock()
        defer { stripe.unlock() }
        guard let table = unsafe table, log.version == version else { return nil }
        return unsafe table._withUnsafeGuaranteedRef { $0.slot(key) } != nil
    }

    // MARK: Commits

    /// A transaction has begun, in which nobody else can commit: what it changes is noted where it is wanted.
    /// Wanted they may be by a table that is filled before its end, too.
    ///
    /// - Parameter commits: The connection's so far, of those that have changed anything.
    func begin(_ changes: RowChanges, commits: Int) {
        let generation = state.withLock { state in
            state.filling?.generation ?? state.rows?.generation
                ?? (state.misses > 0 ? files.value?.header.generation : nil)
        }
        changes.begin(log.version, generation: generation, commits: commits)
    }

    /// It has been committed, and has led to `record`.
    func commit(_ changes: RowChanges, _ record: StoreRecord, commits: Int) {
        let version = log.version
        state.withLock { state in
            guard state.rows != nil || state.filling != nil else { return }
            // Was it empty, then whoever has changed the version is somebody else.
            guard let base = changes.base, base.isFollowed(by: version, after: commits - changes.commits),
                let all = changes.all, changes.generation == record.generation, record.slots <= RowTable.maxSlots
            else {
                state.filling = nil
                return drop(&state)
            }
            let commit = Commit(base: base, version: version, changes: all, record: record)
            if base != self.version || !apply(commit, &state) { drop(&state) }
            state.filling?.commits.append(commit)
            state.filling?.changes += all.count
            if state.filling?.changes ?? 0 > Self.changeLimit { state.filling = nil }
        }
    }

    /// In slices: until the last one is done, readers find another version than the newest, and ask the index.
    private func apply(_ commit: Commit, _ state: inout State) -> Bool {
        guard let table = unsafe table, let file = files.value, let rows = state.rows,
            rows.generation == file.header.generation, let view = try? file.view(upTo: commit.record.nextOffset)
        else { return false }
        var rest = commit.changes[...]
        while !rest.isEmpty {
            readers.withAllLocked {
                unsafe table._withUnsafeGuaranteedRef {
                    Self.apply(rest.prefix(Self.slice), to: $0, commit.record.stride)
                }
            }
            rest = rest.dropFirst(Self.slice)
        }
        let newRows = rows.fits(commit.record, view) ? rows : MappedRows(view, epoch: commit.record.readerEpoch)
        readers.withAllLocked {
            if newRows !== rows { readers.setCurrent(newRows) }
            version = commit.version
        }
        state.rows = newRows
        return unsafe table._withUnsafeGuaranteedRef { $0.count } <= rowLimit
    }

    private static func apply(_ changes: ArraySlice<RowChanges.Change>, to table: RowTable, _ stride: Int64) {
        for change in changes {
            table.set(change.key, change.offset.map { Int(($0 - DataFileHeader.length) / stride) })
        }
    }

    private func drop(_ state: inout State) {
        if state.rows != nil { use(nil, nil, nil, &state) }
    }

    private func use(_ rows: MappedRows?, _ version: LogVersion?, _ table: RowTable?, _ state: inout State) {
        let old = unsafe self.table
        readers.withAllLocked {
            readers.setCurrent(rows)
            self.version = version
            unsafe self.table = table.map { unsafe Unmanaged.passRetained($0) }
        }
        unsafe old?.release()
        state.rows = rows
        state.misses = 0
    }

    /// Readers ask the index from now on. Waits for whoever is filling the table: soon at an end.
    func close() {
        state.withLock { state in
            state.isClosed = true
            state.filling = nil
            drop(&state)
        }
        finishFilling()
    }

    func finishFilling() { fillers.wait() }

    // MARK: Filling

    /// A read had to ask the index, and found it in the state of `record`. Begins to fill the table where enough
    /// have.
    func missed(_ record: StoreRecord, _ directory: Directory) {
        let begins = state.withLock { state in
            state.misses += 1
            guard state.misses >= max(Self.leastMisses, Int(record.liveRows) / Self.rowsPerMiss), !state.isClosed,
                state.filling == nil, record.liveRows <= rowLimit
            else { return false }
            // Not two tables at a time; one that is believed was only missed while commits came.
            if let version, version == log.version {
                state.misses = 0
                return false
            }
            drop(&state)
            state.filling = Filling(generation: record.generation)
            state.misses = 0
            fillers.enter()
            return true
        }
        guard begins else { return }
        // A queue of its own: those of the system may all be busy with threads that wait for the writer's turn.
        DispatchQueue(label: "lacuna.cache", qos: .utility).async { [self] in
            defer { fillers.leave() }
            do { try fill(directory) } catch { state.withLock { $0.filling = nil } }
        }
    }

    /// Batch by batch, each of the newest state at its time. What was committed since the first began comes on top, in order:
    /// each change says where its id lies now, whatever a batch has read of it.
    private func fill(_ directory: Directory) throws(VectorStoreError) {
        let index = try StoreIndex.openForReading(directory, .readOnly)
        let version = log.version
        let record = try index.record()
        guard record.liveRows <= rowLimit else { return state.withLock { $0.filling = nil } }
        let table = RowTable(rows: Int(record.liveRows))
        var last: SQLValue?
        repeat {
            guard state.withLock({ $0.filling?.generation == record.generation }), table.count <= rowLimit else {
                return state.withLock { $0.filling = nil }
            }
            last = try index.forEachSlot(record, after: last, limit: Self.batchRows) { key, slot in table.set(key, slot)
            }
        } while last != nil
        try state.withLock { state throws(VectorStoreError) in try use(table, of: record, version, &state) }
    }

    /// Not in use if somebody else has committed since the filling began, or if the index names rows where there are none or
    /// other than its number of rows: who asks it hears of the damage.
    private func use(
        _ table: RowTable,
        of record: StoreRecord,
        _ version: LogVersion,
        _ state: inout State
    ) throws(VectorStoreError) {
        guard let commits = state.filling?.commits else { return }
        state.filling = nil
        let first = commits.firstIndex { $0.base == version }
        if first == nil, let last = commits.last, last.version != version { return }
        var (record, version) = (record, version)
        for commit in commits[(first ?? commits.endIndex)...] {
            guard commit.base == version else { return }
            Self.apply(commit.changes[...], to: table, commit.record.stride)
            (record, version) = (commit.record, commit.version)
        }
        guard let file = files.value, file.header.generation == record.generation,
            table.count == record.liveRows, table.slotsEnd <= record.slots
        else { return }
        let rows = MappedRows(try file.view(upTo: record.nextOffset), epoch: record.readerEpoch)
        use(rows, version, table, &state)
    }
}
