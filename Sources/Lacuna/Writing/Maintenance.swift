#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// The tools of a compaction or an erasure. One runs at a time in a store, beside readers and writers.
///
/// The long work holds no lock. Work that touches the index, or decides where rows go, is cut into turns: each turn
/// waits for its place among the writers of this handle, and no writer waits for more than one turn.
package final class Maintenance {
    private let writer: Writer
    let pace: Pace
    let limits: MaintenanceLimits
    /// A connection of its own, for reading beside the writer. Each statement on it is a transaction of its own, so
    /// that no transaction outlasts a batch and keeps the log from being emptied.
    let index: StoreIndex
    let paths: StorePaths
    let fileSystem: any FileSystem
    let counters: StoreCounters
    /// The longest of its turns: no writer has waited longer for it.
    private(set) var longestTurn = Duration.zero
    private let locks: EpochLocks
    private let readers: ReadStripes?
    /// It is released last of what this object has open.
    private let hold: Suspension.Hold

    /// The longest wait for readers, in seconds: about the time of their longest read.
    private var longestRead = 0.0

    private static let drainSlice = 0.02
    /// The longest time, in seconds, for which writers wait for readers that hold the state from before the last move.
    private static let longestDrain = 1.0

    init(
        _ writer: Writer,
        _ session: WriteSession,
        _ pace: Pace,
        _ limits: MaintenanceLimits,
        _ hold: Suspension.Hold
    ) throws(VectorStoreError) {
        self.writer = writer
        self.hold = hold
        self.pace = pace
        self.limits = pace.limited(limits)
        index = try StoreIndex.openForReading(session.paths.directory, .readOnly)
        paths = session.paths
        fileSystem = session.fileSystem
        counters = session.counters
        readers = session.ids?.readers
        locks = try mapped(EpochLocks(paths.directory, creates: true, like: try session.paths.model()))
    }

    /// Calls `body` in the writer's turn.
    func turn<R>(_ body: (WriteSession) throws -> R) throws -> R {
        try writer.turn { session in
            let start = ContinuousClock.now
            defer { longestTurn = max(longestTurn, .now - start) }
            return try body(session)
        }
    }

    /// Makes one durable transaction in a turn of its own.
    func commit<R>(_ body: (StoreIndex) throws(VectorStoreError) -> R) throws -> R {
        try turn { session in
            try session.commit { () throws(VectorStoreError) in try body(session.index) }
        }
    }

    /// The slots given to rows since the next slot was `first`. While a compaction runs, only another program can lower
    /// the next slot.
    static func slots(from first: Slot, _ index: StoreIndex) throws(VectorStoreError) -> Range<Slot> {
        let next = try index.record().nextSlot
        if next < first { throw .foreignWriter }
        return first..<next
    }

    /// Called after each batch: reports the progress, throws if the work must stop, and waits for the rate limit.
    func advance(_ done: Int, of total: Int, bytes: Int) throws {
        try pace.advance(done, of: total, bytes: bytes, check: check)
    }

    /// Throws if the work must stop, also because the store is being closed or suspended.
    func check() throws {
        try writer.checkNotEnding()
        try pace.check()
    }

    /// Opens the data file under a descriptor of its own. The kernel reports a failed write-back once for each
    /// descriptor. If the descriptor were shared, a sync here could take the error away from the writer whose rows it
    /// concerns.
    func openCurrentFile() throws -> DataFile {
        try turn { session in
            let current = try session.currentFile()
            let file: DataFile
            do throws(DataFile.Unusable) {
                file = try DataFile.open(current.name, in: paths.directory, .readWrite, fileSystem)
            } catch { throw error.asError(current.name) }
            guard try file.status().identity == current.status().identity else {
                throw VectorStoreError.moved(paths.directory, current.name)
            }
            return file
        }
    }

    /// Runs work on the current data file. After an I/O error there, nobody knows what else is lost, so writing ends.
    func failing<R>(_ body: () throws -> R) throws -> R {
        do { return try body() } catch {
            noteFailure(error)
            throw error
        }
    }

    func noteFailure(_ error: any Error) { writer.noteFailure(error) }

    // MARK: Waiting for readers

    /// Drains readers: waits until no reader, in this process or another, sees a state from before this call.
    ///
    /// The next epoch is committed, so that new readers hold the other lock file and can't keep us waiting. Readers of
    /// the epoch before the current one must have released that file, so the first wait is for them.
    ///
    /// - Throws: `busy` if a reader still does after the wait. `what` says, for the message, what the rows' place was
    ///   to be.
    func drainReaders(before what: String) throws {
        let deadline = ContinuousClock.now + .seconds(limits.drainSeconds)
        let epoch = try turn { try $0.index.record().readerEpoch }
        try wait(until: deadline, what) { seconds throws(VectorStoreError) in
            try isLockFree(epoch + 1, within: seconds)
        }
        try commit { index throws(VectorStoreError) in try Self.nextEpoch(index) }
        try wait(until: deadline, what) { seconds throws(VectorStoreError) in
            try isDrained(epoch, within: seconds)
        }
    }

    /// Begins the next epoch; the caller's transaction commits it.
    static func nextEpoch(_ index: StoreIndex) throws(VectorStoreError) {
        var record = try index.record()
        record.readerEpoch += 1
        try index.update(record)
    }

    /// Whether no reader sees a state from before the last epoch began. Waits about as long as a read takes: new
    /// readers are of the new epoch, and readers of the old epoch end.
    func isEpochBeforeDrained(_ index: StoreIndex) throws(VectorStoreError) -> Bool {
        try isDrained(
            index.record().readerEpoch - 1,
            within: min(Self.longestDrain, Self.drainSlice + 2 * longestRead)
        )
    }

    private func wait(
        until deadline: ContinuousClock.Instant,
        _ what: String,
        _ isOver: (Double) throws(VectorStoreError) -> Bool
    ) throws {
        let start = ContinuousClock.now
        defer { longestRead = max(longestRead, (ContinuousClock.now - start) / .seconds(1)) }
        while try !isOver(Self.drainSlice) {
            try check()
            if ContinuousClock.now >= deadline {
                throw VectorStoreError(
                    .busy,
                    "a reader or a backup still reads rows whose slots are to be \(what)",
                    remedy: "let it end, or try again later"
                )
            }
        }
    }

    /// Whether no reader holds the epoch any more, or will hold it. Waits up to `seconds` for readers that hold its
    /// lock, and then up to `seconds` for readers by the cache of ids.
    private func isDrained(_ epoch: Int64, within seconds: Double) throws(VectorStoreError) -> Bool {
        guard try isLockFree(epoch, within: seconds) else { return false }
        return readers?.areDrained(through: epoch, within: seconds) ?? true
    }

    private func isLockFree(_ epoch: Int64, within seconds: Double) throws(VectorStoreError) -> Bool {
        guard locks.isNamed(epoch) else { throw .moved(paths.directory, EpochLocks.names[Int(epoch & 1)]) }
        guard try mapped(locks.lock(epoch, exclusive: true, within: seconds)) else { return false }
        locks.unlock(epoch)
        return true
    }
}
