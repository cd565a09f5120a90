import Dispatch

/// The cache of ids: the slot of each id, and the id of each slot, in memory. Reads by id use it instead of SQL, and
/// searches get the ids of their matches from it.
///
/// Only SQLite's tables are the truth. A slot from the cache is used only while the cache's state is the newest one,
/// which each read checks by the wal-index (``LogVersion``). Commits of this handle are followed at once. A handle that
/// only reads follows the commits of the writing process at its next read. After a commit of any other program, the
/// whole cache is read anew. A read that can't use the cache uses the index.
///
/// A thread fills the cache from the table `vectors` alone, after so many reads through the index that filling costs no
/// more than they did. So it costs nothing at open, and nothing for a handle that reads a few rows. The cache is
/// dropped when its rows would take more memory than the limit. When a rewrite of this handle has moved all rows, a
/// thread gives them their new slots. A handle that only reads drops the cache then, and fills it again.
///
/// `@unchecked Sendable`: `table`, `version`, `log` and `moved` are written under the locks of all stripes and of
/// `state`, and read under any of these. The lock of `state` is taken first. `feed` is set and used only under the lock
/// of `state`.
@safe
final class RowIDs: @unchecked Sendable {
    /// The state after a commit of this process.
    private struct Commit: Sendable {
        let base: LogVersion
        let version: LogVersion
        let changes: [RowChanges.Change]
        let record: StoreRecord
    }

    /// The table that a thread is making, or in which it changes all slots.
    private struct Filling: Sendable {
        /// A thread that was told to give up must not end the filling of a later one.
        let number: Int
        let generation: Int64
        /// The commits since the filling began.
        var commits: [Commit] = []
        var changes = 0
    }

    private struct State: Sendable {
        /// The number of reads through the index since the table was filled or dropped.
        var misses = 0
        /// The rows that the table describes; nil if it isn't in use.
        var rows: MappedRows?
        /// For a handle that only reads, the state of the table; nil if it isn't in use.
        var known: CommitFeed.Known?
        /// Whether a timer will check if the epoch's lock is still needed.
        var isHoldWatched = false
        var filling: Filling?
        /// The number of fillings so far.
        var fillings = 0
        var isClosed = false
    }

    let readers: ReadStripes
    private let directory: Directory
    let kind: VectorIDKind
    private let files: CurrentFile
    private let limitBytes: Int
    /// Whether the handle only reads, and so follows the commits of another process.
    private let isFollower: Bool
    private let state = Guarded(State())
    /// The threads that fill the table.
    private let fillers = DispatchGroup()
    /// Nil if the table isn't in use. Readers don't count references to it: it is replaced under the locks of all
    /// stripes.
    private var table: Unmanaged<SlotTable>?
    private var version: LogVersion?
    /// Shows commits; nil before the first filling of a handle that only reads.
    private var log: SharedLog?
    /// The table's generation, and the last commit that moved rows.
    private var moved: (generation: Int64, sequence: Int64) = (0, 0)
    /// Shows the changes of commits to a handle that only reads.
    private var feed: CommitFeed?

    /// A read by SQL costs about as much as putting this many rows into the table.
    private static let rowsPerMiss = 16
    /// For fewer reads, a thread isn't worth it.
    private static let leastMisses = 64
    /// The number of changes that are made at a time, while readers wait, and of ids that are looked up at a time, while
    /// changes wait.
    private static let slice = 64
    /// More changes cost more than reading all rows from the index.
    private static let changeLimit = 100_000
    /// The number of rows read from the index at a time. During each such read, the log can't begin anew.
    private static let batchRows = 10_000

    /// - Parameter log: Shows commits, for the handle that writes; nil for a handle that only reads.
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

    /// The memory of the table that is in use.
    var bytes: Int {
        state.withLock { _ in unsafe table.map { unsafe $0._withUnsafeGuaranteedRef { $0.bytes } } ?? 0 }
    }

    private func fits(_ record: StoreRecord) -> Bool {
        record.nextSlot.number < SlotTable.maxSlots
            && SlotTable.bytes(slots: record.nextSlot.number, rows: Int(record.liveRows), kind) <= limitBytes
    }

    deinit { unsafe table?.release() }

    // MARK: Reading

    enum Lookup<R> {
        /// The index must be read.
        case unknown
        case absent
        case found(R)
    }

    /// Calls `body` with the row of an id in the newest state. Nothing destroys the row until `body` returns. The caller
    /// must know that the closure's type can have the row's components.
    @inline(__always)
    func withRow<C: RowComponent, R>(_ key: RowKey, _ body: (Span<C>) throws -> R) rethrows -> Lookup<R> {
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
        return .found(try unsafe rows._withUnsafeGuaranteedRef { rows in try rows.withRow(slot, body) })
    }

    /// Whether a row has the id; nil if the index must be read.
    func contains(_ key: RowKey) -> Bool? {
        let stripe = readers.mine
        stripe.lock()
        defer { stripe.unlock() }
        guard let table = unsafe table, log?.version == version else { return nil }
        return unsafe table._withUnsafeGuaranteedRef { $0.slot(key) } != nil
    }

    /// The ids of rows that are live in a state, by their slots; nil if the index must be read. The id of a slot
    /// doesn't change by later commits, except those that move rows.
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

    /// Whether ``slots(of:_:)`` has an answer. In a handle that only reads, brings the table up to the newest state.
    func knowsSlots(_ version: LogVersion?) -> Bool {
        slots(of: [], version) != nil || refresh() && slots(of: [], version) != nil
    }

    /// The slots of those ids that have a row in the state of a version; nil if the index must be read.
    func slots(of ids: [SQLValue], _ version: LogVersion?) -> SlotBits? {
        guard let version else { return nil }
        let stripe = readers.mine
        var slots = SlotBits()
        var rest = ids[...]
        repeat {
            stripe.lock()
            defer { stripe.unlock() }
            // While a commit's changes are made, the log has a later version than the table.
            guard let table = unsafe table, self.version == version, log?.version == version else { return nil }
            for id in rest.prefix(Self.slice) {
                guard let key = RowKey(id, kind) else { return nil }
                let slot = unsafe table._withUnsafeGuaranteedRef { $0.slot(key) }
                if let slot { slots.insert(Slot(slot)) }
            }
            rest = rest.dropFirst(Self.slice)
        } while !rest.isEmpty
        return slots
    }

    // MARK: Commits

    /// Called when a transaction has begun, in which nobody else can commit. Decides whether its changes are noted:
    /// they are if there is a table, or if one may be filled before the transaction ends.
    ///
    /// - Parameter commits: The number of the connection's commits so far that have changed anything.
    func begin(_ changes: RowChanges, commits: Int) {
        let generation = state.withLock { state in
            state.filling?.generation ?? state.rows?.generation
                ?? (state.misses > 0 ? files.value?.header.generation : nil)
        }
        changes.begin(log?.version, generation: generation, commits: commits)
    }

    /// Called when the transaction was committed; `record` is the new state's.
    func commit(_ changes: RowChanges, _ record: StoreRecord, commits: Int) {
        guard let version = log?.version else { return }
        state.withLock { state in
            guard state.rows != nil || state.filling != nil else { return }
            guard let base = changes.base, base.isFollowed(by: version, after: commits - changes.commits),
                let all = changes.all, (changes.move?.generation ?? changes.generation) == record.generation,
                fits(record)
            else {
                state.filling = nil
                return drop(&state)
            }
            if let move = changes.move {
                let table = all.isEmpty && base == self.version ? tableInUse : nil
                state.filling = nil
                drop(&state)
                if let table { moveRows(of: table, move, record, version, &state) }
                return
            }
            let commit = Commit(base: base, version: version, changes: all, record: record)
            if base != self.version || !apply(commit, &state) { drop(&state) }
            state.filling?.commits.append(commit)
            state.filling?.changes += all.count
            if state.filling?.changes ?? 0 > Self.changeLimit { state.filling = nil }
        }
    }

    /// Makes the changes in slices. Until the last slice is done, readers find that the table isn't of the newest
    /// version, and use the index.
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

    private var tableInUse: SlotTable? { unsafe table?._withUnsafeGuaranteedRef { $0 } }

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

    /// Makes readers use the index from now on. Waits for the thread that fills the table, which ends soon.
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

    /// After ``close()``: releases the epoch's locks and the connection of a handle that only reads, if nobody reads by
    /// them any more.
    func letGo() { state.withLock { letGo(keepingNewest: false, &$0) } }

    /// Takes ``close()`` back. The cache is filled again as at first.
    func reopen() { state.withLock { $0.isClosed = false } }

    /// Begins to follow the commits that another connection shows, for the handle that writes; the cache is closed.
    func follow(_ log: SharedLog?) { state.withLock { _ in readers.withAllLocked { self.log = log } } }

    // MARK: Filling

    /// Called after a read through the index, which has seen the state of `record`. Begins to fill the table after
    /// enough such reads.
    func missed(_ record: StoreRecord, reads: Int = 1) {
        state.withLock { state in
            state.misses += reads
            guard state.misses >= max(Self.leastMisses, Int(record.liveRows) / Self.rowsPerMiss), !state.isClosed,
                state.filling == nil, fits(record)
            else { return }
            // There must not be two tables at a time. A table that is up to date was only missed during commits.
            if state.known != nil || version != nil && version == log?.version {
                state.misses = 0
                return
            }
            drop(&state)
            state.misses = 0
            beginFilling(record.generation, &state) { ids, number throws(VectorStoreError) in
                try ids.isFollower ? ids.fillAtOnce(number) : ids.fill(number)
            }
        }
    }

    /// Calls `body` with the number of the filling on a thread.
    private func beginFilling(
        _ generation: Int64,
        _ state: inout State,
        _ body: @escaping @Sendable (RowIDs, Int) throws(VectorStoreError) -> Void
    ) {
        state.fillings += 1
        let number = state.fillings
        state.filling = Filling(number: number, generation: generation)
        fillers.enter()
        // The queue is our own: the system's queues may all be busy with threads that wait for the writer's turn.
        DispatchQueue(label: "lacuna.ids", qos: .utility).async { [self] in
            defer { fillers.leave() }
            // An error is ignored here: reads through the index will meet it.
            try? body(self, number)
            self.state.withLock { if $0.filling?.number == number { $0.filling = nil } }
        }
    }

    /// Reads all rows, batch by batch; nil if the filling was given up, or if there are too many rows. Outside of a
    /// transaction each batch has the newest state of its time.
    private func load(
        _ index: StoreIndex,
        _ record: StoreRecord,
        _ number: Int
    ) throws(VectorStoreError) -> (SlotTable, end: Int)? {
        let table = SlotTable(rows: Int(record.liveRows), kind)
        var end = 0
        var last: SQLValue?
        repeat {
            guard state.withLock({ $0.filling?.number == number }), table.bytes <= limitBytes else { return nil }
            last = try index.forEachSlot(record, after: last, limit: Self.batchRows) { key, slot in
                table.put(key, slot)
                end = max(end, slot + 1)
            }
        } while last != nil
        return (table, end)
    }

    /// Fills the table of a handle that writes. The commits since the first batch are applied afterwards, in order:
    /// each change has the current slot of its id, whatever a batch has read.
    private func fill(_ number: Int) throws(VectorStoreError) {
        let index = try StoreIndex.openForReading(directory, .readOnly)
        guard let version = log?.version else { return }
        let record = try index.record()
        guard let (table, end) = try load(index, record, number) else { return }
        try state.withLock { state throws(VectorStoreError) in
            guard let commits = commits(of: number, &state), let file = files.value else { return }
            try use(table, endingAt: end, of: record, version, file, commits, &state)
        }
    }

    /// Gives the rows of a table that was in use their new slots, on a thread: writers need not wait for that, and
    /// readers use the index meanwhile. The table knows the state from which the rewrite's commit has begun, so that
    /// with the new slots it knows `record`.
    private func moveRows(
        of table: SlotTable,
        _ move: RowChanges.Move,
        _ record: StoreRecord,
        _ version: LogVersion,
        _ state: inout State
    ) {
        // It was taken out of use under the locks of all stripes, so that only the thread still has it.
        nonisolated(unsafe) let table = table
        beginFilling(record.generation, &state) { ids, number throws(VectorStoreError) in
            guard unsafe table.move(move.copied) else { return }
            try ids.state.withLock { state throws(VectorStoreError) in
                guard let commits = ids.commits(of: number, &state) else { return }
                let end = move.copied.liveCount
                try unsafe ids.use(table, endingAt: end, of: record, version, move.file, commits, &state)
            }
        }
    }

    /// Ends a filling, and returns the commits since it began; nil if it was given up.
    private func commits(of number: Int, _ state: inout State) -> [Commit]? {
        guard let filling = state.filling, filling.number == number else { return nil }
        state.filling = nil
        return filling.commits
    }

    /// Puts the table into use after the commits of its filling, unless another program has committed since the filling
    /// began, or the index is damaged (it names slots without rows, or another number of rows): reads through the index
    /// will report that.
    private func use(
        _ table: SlotTable,
        endingAt end: Int,
        of record: StoreRecord,
        _ version: LogVersion,
        _ file: DataFile,
        _ commits: [Commit],
        _ state: inout State
    ) throws(VectorStoreError) {
        let first = commits.firstIndex { $0.base == version }
        if first == nil, let last = commits.last, last.version != version { return }
        var (record, version) = (record, version)
        for commit in commits[(first ?? commits.endIndex)...] {
            guard commit.base == version else { return }
            Self.apply(commit.changes[...], to: table)
            (record, version) = (commit.record, commit.version)
        }
        guard file.header.generation == record.generation, table.count == record.liveRows, end <= record.nextSlot.number
        else { return }
        let rows = MappedRows(try file.view(upTo: record.nextSlot), epoch: record.readerEpoch)
        use(rows, version, table, record, &state)
    }

    // MARK: Following another process

    /// Fills the table of a handle that only reads, from one state, and keeps the connection that follows later states.
    private func fillAtOnce(_ number: Int) throws(VectorStoreError) {
        guard let feed = try CommitFeed(directory), let (table, known, version) = try firstState(of: feed, number)
        else { return }
        state.withLock { state in
            if commits(of: number, &state) == nil || state.isClosed { return }
            self.feed = feed
            readers.withAllLocked { log = feed.log }
            use(nil, version, table, known.record, &state)
            state.known = known
        }
    }

    /// The table of one state; nil if it isn't to be used. Other threads use the feed as soon as it is the table's, so its
    /// transaction has ended when this returns.
    private func firstState(
        of feed: CommitFeed,
        _ number: Int
    ) throws(VectorStoreError) -> (SlotTable, CommitFeed.Known, LogVersion)? {
        let (known, version) = try feed.begin()
        defer { feed.end() }
        guard fits(known.record), Int64(known.dead.count) == known.record.deadRows else { return nil }
        guard let (table, end) = try load(feed.index, known.record, number), end <= known.record.nextSlot.number,
            table.count == known.record.liveRows
        else { return nil }
        return (table, known, version)
    }

    /// Brings the table up to the newest state, and holds the rows of that state. Returns whether reads by id have an
    /// answer now.
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

    /// Nil if the store has gone on meanwhile.
    private func follow(
        _ feed: CommitFeed,
        _ before: CommitFeed.Known,
        _ state: inout State
    ) throws(VectorStoreError) -> Bool? {
        var known = state.known ?? before
        guard try feed.hold(known.record.readerEpoch) else { return false }
        if feed.log.version != version {
            guard let change = try feed.changes(since: known) else {
                // All rows have moved, or another program has written to the index.
                drop(&state)
                return false
            }
            guard feed.log.version == change.version else { return nil }
            // Another store is at the path. A read through the index will throw that error.
            if !directory.isAtItsPath { return false }
            apply(change, &state)
            let epoch = known.record.readerEpoch
            known = change.known
            state.known = known
            // The lock must be taken first: if the epoch has changed by then, the writer doesn't wait for us.
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

    /// The epoch's lock is released after nobody has read by id for this time, or at most twice as long.
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
