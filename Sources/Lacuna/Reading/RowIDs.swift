import Dispatch

/// Which row has which id, in memory: reads by id ask it instead of SQL, and searches ask it for the ids of what they found.
///
/// Only SQLite's tables are the truth. An id's slot is believed while the state that it was made from is the newest one, which
/// the wal-index tells at each read (``LogVersion``). Commits of this handle are followed at once. A handle that only reads
/// follows those of the writing process when it is asked next; a commit of any other program has all of it read anew. Whoever
/// finds that it is not to be believed asks the index.
///
/// A thread of its own fills it, from the table of ids alone, once so many reads have asked the index that filling costs no
/// more than they did: so opening pays nothing, and neither does a handle that reads a few rows. It goes when its rows would
/// take more than the limit, and when a rewrite has moved all rows.
///
/// `@unchecked Sendable`: `table`, `version`, `log` and `moved` are written under all stripes' locks and `state`'s, and read
/// under any of them. `state`'s comes first. `feed` is set and used under `state`'s only.
@safe
final class RowIDs: @unchecked Sendable {
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
        /// The commits since it began.
        var commits: [Commit] = []
        var changes = 0
    }

    private struct State: Sendable {
        /// Reads that asked the index since the table was filled, or gone.
        var misses = 0
        /// Whose rows are in the table; nil where it isn't in use.
        var rows: MappedRows?
        /// For a handle that only reads, the state that the table is of; nil where it isn't in use.
        var known: CommitFeed.Known?
        /// Whether somebody will look whether the epoch's lock is still needed.
        var isHoldWatched = false
        var filling: Filling?
        var isClosed = false
    }

    let readers: ReadStripes
    private let directory: Directory
    private let kind: VectorIDKind
    private let files: CurrentFile
    private let limitBytes: Int
    /// Whether the handle only reads, and follows the commits of another process.
    private let isFollower: Bool
    private let state = Guarded(State())
    /// The threads that fill.
    private let fillers = DispatchGroup()
    /// Nil where it isn't in use. Not counted by readers: it is let go under all stripes' locks.
    private var table: Unmanaged<SlotTable>?
    private var version: LogVersion?
    /// What tells of commits; nil until the first filling of a handle that only reads.
    private var log: SharedLog?
    /// The table's generation, and the last commit that moved rows.
    private var moved: (generation: Int64, sequence: Int64) = (0, 0)
    /// By what a handle that only reads follows the others' commits.
    private var feed: CommitFeed?

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

    /// - Parameter log: What tells of commits, for the handle that makes them; nil for one that only reads.
    init(
        _ directory: Directory,
        _ kind: VectorIDKind,
        _ files: CurrentFile,
        _ readers: ReadStripes,
        limitBytes: Int,
        log: SharedLog?
    ) {
        self.directory = directory
        self.kind = kind
        self.files = files
        self.readers = readers
        self.limitBytes = limitBytes
        self.log = log
        isFollower = log == nil
    }

    private func fits(_ record: StoreRecord) -> Bool {
        record.nextSlot.number < SlotTable.maxSlots
            && SlotTable.bytes(slots: record.nextSlot.number, rows: Int(record.liveRows), kind) <= limitBytes
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
        guard let rows = unsafe stripe.current, let table = unsafe table, log?.version == version else {
            stripe.unlock()
            return .unknown
        }
        guard let slot = unsafe table._withUnsafeGuaranteedRef({ $0.slot(key) }) else {
            stripe.unlock()
            return .absent
        }
        stripe.pinCurrent()
        stripe.markUsed()
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
        guard let table = unsafe table, log?.version == version else { return nil }
        return unsafe table._withUnsafeGuaranteedRef { $0.slot(key) } != nil
    }

    /// The ids of rows that are live in a state, by their slots; nil where the index has to be asked. What a slot's id is
    /// doesn't depend on the commits since, but for those that move rows.
    func ids(of slots: [Slot], _ record: StoreRecord) -> [SQLValue]? {
        if kind == .text { return nil }
        let stripe = readers.mine
        stripe.lock()
        defer { stripe.unlock() }
        guard let table = unsafe table, moved == (record.generation, record.moved) else { return nil }
        return unsafe table._withUnsafeGuaranteedRef { table in
            var ids: [SQLValue] = []
            ids.reserveCapacity(slots.count)
            for slot in slots {
                guard let id = table.key(slot.number)?.id(kind) else { return nil }
                ids.append(id)
            }
            return ids
        }
    }

    // MARK: Commits

    /// A transaction has begun, in which nobody else can commit: what it changes is noted where it is wanted, also by a table
    /// that may be filled before the transaction's end.
    ///
    /// - Parameter commits: The connection's so far, of those that have changed anything.
    func begin(_ changes: RowChanges, commits: Int) {
        let generation = state.withLock { state in
            state.filling?.generation ?? state.rows?.generation
                ?? (state.misses > 0 ? files.value?.header.generation : nil)
        }
        changes.begin(log?.version, generation: generation, commits: commits)
    }

    /// It has been committed, and has led to `record`.
    func commit(_ changes: RowChanges, _ record: StoreRecord, commits: Int) {
        guard let version = log?.version else { return }
        state.withLock { state in
            guard state.rows != nil || state.filling != nil else { return }
            guard let base = changes.base, base.isFollowed(by: version, after: commits - changes.commits),
                let all = changes.all, changes.generation == record.generation, fits(record)
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
            rows.generation == file.header.generation, let view = try? file.view(upTo: commit.record.nextSlot)
        else { return false }
        var rest = commit.changes[...]
        while !rest.isEmpty {
            readers.withAllLocked {
                unsafe table._withUnsafeGuaranteedRef {
                    Self.apply(rest.prefix(Self.slice), to: $0)
                }
            }
            rest = rest.dropFirst(Self.slice)
        }
        let newRows = rows.fits(commit.record, view) ? rows : MappedRows(view, epoch: commit.record.readerEpoch)
        readers.withAllLocked {
            if newRows !== rows { readers.setCurrent(newRows) }
            version = commit.version
            moved = (commit.record.generation, commit.record.moved)
        }
        state.rows = newRows
        return unsafe table._withUnsafeGuaranteedRef { $0.bytes } <= limitBytes
    }

    private static func apply(_ changes: ArraySlice<RowChanges.Change>, to table: SlotTable) {
        for change in changes {
            if let slot = change.slot { table.put(change.key, slot.number) } else { table.remove(change.key) }
        }
    }

    private func drop(_ state: inout State) {
        state.known = nil
        if unsafe table != nil { use(nil, nil, nil, nil, &state) }
    }

    private func use(
        _ rows: MappedRows?,
        _ version: LogVersion?,
        _ table: SlotTable?,
        _ record: StoreRecord?,
        _ state: inout State
    ) {
        let old = unsafe self.table
        readers.withAllLocked {
            readers.setCurrent(rows)
            self.version = version
            moved = record.map { ($0.generation, $0.moved) } ?? (0, 0)
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
            letGo(keepingNewest: false, &state)
        }
        finishFilling()
    }

    func finishFilling() { fillers.wait() }

    // MARK: Filling

    /// A read had to ask the index, and found it in the state of `record`. Begins to fill the table where enough have.
    func missed(_ record: StoreRecord, reads: Int = 1) {
        let begins = state.withLock { state in
            state.misses += reads
            guard state.misses >= max(Self.leastMisses, Int(record.liveRows) / Self.rowsPerMiss), !state.isClosed,
                state.filling == nil, fits(record)
            else { return false }
            // Not two tables at a time; one that is believed was only missed while commits came.
            if state.known != nil || version != nil && version == log?.version {
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
        DispatchQueue(label: "lacuna.ids", qos: .utility).async { [self] in
            defer { fillers.leave() }
            // A failure is for whoever asks the index.
            try? isFollower ? fillAtOnce() : fill()
            state.withLock { $0.filling = nil }
        }
    }

    /// Reads all rows, batch by batch; nil where the filling was given up, or there are too many. Outside of a transaction each
    /// batch is of the newest state at its time.
    private func load(_ index: StoreIndex, _ record: StoreRecord) throws(VectorStoreError) -> (SlotTable, end: Int)? {
        let table = SlotTable(rows: Int(record.liveRows), kind)
        var end = 0
        var last: SQLValue?
        repeat {
            guard state.withLock({ $0.filling?.generation == record.generation }), table.bytes <= limitBytes else {
                return nil
            }
            last = try index.forEachSlot(record, after: last, limit: Self.batchRows) { key, slot in
                table.put(key, slot)
                end = max(end, slot + 1)
            }
        } while last != nil
        return (table, end)
    }

    /// For a handle that writes. The commits since the first batch are applied on top, in order: each change says where its id
    /// lies now, whatever a batch has read of it.
    private func fill() throws(VectorStoreError) {
        let index = try StoreIndex.openForReading(directory, .readOnly)
        guard let version = log?.version else { return }
        let record = try index.record()
        guard let (table, end) = try load(index, record) else { return }
        try state.withLock { state throws(VectorStoreError) in
            try use(table, endingAt: end, of: record, version, &state)
        }
    }

    /// Not in use if somebody else has committed since the filling began, or if the index names rows where there are none or
    /// other than its number of rows: whoever asks it hears of the damage.
    private func use(
        _ table: SlotTable,
        endingAt end: Int,
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
            Self.apply(commit.changes[...], to: table)
            (record, version) = (commit.record, commit.version)
        }
        guard let file = files.value, file.header.generation == record.generation,
            table.count == record.liveRows, end <= record.nextSlot.number
        else { return }
        let rows = MappedRows(try file.view(upTo: record.nextSlot), epoch: record.readerEpoch)
        use(rows, version, table, record, &state)
    }

    // MARK: Following another process

    /// For a handle that only reads: all of one state, and the connection by which later ones are followed.
    private func fillAtOnce() throws(VectorStoreError) {
        guard let feed = try CommitFeed(directory) else { return }
        let (known, version) = try feed.begin()
        defer { feed.end() }
        guard fits(known.record), Int64(known.dead.count) == known.record.deadRows else { return }
        guard let (table, end) = try load(feed.index, known.record), end <= known.record.nextSlot.number,
            table.count == known.record.liveRows
        else { return }
        state.withLock { state in
            if state.filling == nil || state.isClosed { return }
            state.filling = nil
            self.feed = feed
            readers.withAllLocked { log = feed.log }
            use(nil, version, table, known.record, &state)
            state.known = known
        }
    }

    /// Goes on to the newest state, where the table is of an earlier one, and takes hold of its rows: whether reads by id
    /// have an answer now.
    func refresh() -> Bool {
        if !isFollower { return false }
        return state.withLock { state in
            guard let known = state.known, let feed, !state.isClosed else { return false }
            do {
                for _ in 0..<Self.attempts {
                    if let isReady = try follow(feed, known, &state) { return isReady }
                }
            } catch { drop(&state) }
            return false
        }
    }

    private static let attempts = 10

    /// Nil where the store has moved on meanwhile.
    private func follow(
        _ feed: CommitFeed,
        _ before: CommitFeed.Known,
        _ state: inout State
    ) throws(VectorStoreError) -> Bool? {
        var known = state.known ?? before
        guard try feed.hold(known.record.readerEpoch) else { return false }
        if feed.log.version != version {
            guard let change = try feed.changes(since: known) else {
                // All rows have moved, or another program has written.
                drop(&state)
                return false
            }
            guard feed.log.version == change.version else { return nil }
            // A read through the index throws the error: another store is at the path.
            if !directory.isAtItsPath { return false }
            apply(change, &state)
            let epoch = known.record.readerEpoch
            known = change.known
            state.known = known
            // The lock comes first: if the epoch is another one by then, its writer doesn't wait for us.
            if known.record.readerEpoch != epoch { return nil }
        }
        guard let file = files.value, file.header == known.record.header,
            try file.status().size >= known.record.rowsEnd
        else { return false }
        let view = try file.view(upTo: known.record.nextSlot)
        let rows = MappedRows(view, epoch: known.record.readerEpoch)
        readers.withAllLocked { readers.setCurrent(rows) }
        state.rows = rows
        if !state.isHoldWatched {
            state.isHoldWatched = true
            watchHold()
        }
        return true
    }

    private func apply(_ change: CommitFeed.Change, _ state: inout State) {
        guard let table = unsafe table else { return }
        let record = change.known.record
        readers.withAllLocked {
            unsafe table._withUnsafeGuaranteedRef { table in
                for slot in change.died {
                    if let key = table.key(slot.number), table.slot(key) == slot.number { table.remove(key) }
                }
                for (key, slot, isLive) in change.added { table.put(key, slot.number, isLive: isLive) }
            }
            version = change.version
            moved = (record.generation, record.moved)
            readers.setCurrent(nil)
        }
        state.rows = nil
    }

    /// The epoch's lock is let go once nobody has read by id for a while: at most twice this long.
    private static let holdMilliseconds = 5

    private func watchHold() {
        DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(Self.holdMilliseconds)) { [weak self] in
            self?.lookAtHold()
        }
    }

    private func lookAtHold() {
        let isKept = state.withLock { state in
            let wasUsed = readers.takeUsed()
            if !wasUsed {
                readers.withAllLocked { readers.setCurrent(nil) }
                state.rows = nil
            }
            letGo(keepingNewest: wasUsed, &state)
            state.isHoldWatched = feed?.holdsAny == true
            return state.isHoldWatched
        }
        if isKept { watchHold() }
    }

    private func letGo(keepingNewest: Bool, _ state: inout State) {
        feed?.release(readers, keepingNewest: keepingNewest)
        if state.isClosed && feed?.holdsAny != true { feed = nil }
    }
}
