import Foundation
import InMemoryLogging
import Lacuna
import Logging
import Testing

/// While a snapshot is held for long, SQLite's log grows: writers get a warning, then `busy`, and never a full disk.
@Suite(.timeLimit(.minutes(40))) struct LogLimitTests {
    private static let warningBytes: Int64 = 128 << 10
    private static let limitBytes: Int64 = 256 << 10

    private let scratch: Scratch
    private let log = InMemoryLogHandler()

    init() throws { scratch = try Scratch() }

    private func makeStore(
        _ durability: Durability = .full,
        indexCacheBytes: Int = VectorStoreOptions().indexCacheBytes
    ) throws -> VectorStore<Int64> {
        try .create(
            at: scratch.store,
            configuration: .init(dimension: 4),
            options: VectorStoreOptions(
                durability: durability,
                logWarningBytes: Self.warningBytes,
                logLimitBytes: Self.limitBytes,
                indexCacheBytes: indexCacheBytes,
                logger: Logger(label: "test") { _ in log }
            )
        )
    }

    private var logBytes: Int64 { get throws { try sizes(scratch.index + "-wal").length } }

    private static func vector(_ id: Int64) -> [Float] { [Float(id), 1, 2, 3] }

    /// With this metadata each row takes at least one page of log.
    private static let metadata = "{\"text\":\"\(String(repeating: "x", count: 3_000))\"}"

    private static func put(_ id: Int64, _ store: VectorStore<Int64>) throws {
        try store.put(vector(id), for: id, metadataJSON: metadata)
    }

    /// Puts rows with the ids from 0 on, in one transaction.
    private func putBatch(_ count: Int64, _ store: VectorStore<Int64>) throws {
        try store.write { batch in
            for id in 0..<count { try batch.put(Self.vector(id), for: id, metadataJSON: Self.metadata) }
        }
    }

    /// Puts rows, a commit each, until one is refused. Returns the ids that were put.
    private func putUntilBusy(_ store: VectorStore<Int64>, from first: Int64) throws -> [Int64] {
        for id in first..<first + 1_000 {
            do {
                try Self.put(id, store)
                try store.flush()
            } catch let error as VectorStoreError {
                #expect(error.code == .busy, "\(error)")
                return Array(first..<id)
            }
        }
        Issue.record("no write was ever refused")
        return []
    }

    static let durabilities = [Durability.full, .relaxed(interval: .seconds(3_600))]

    @Test(arguments: durabilities, [true, false])
    func aHeldSnapshotWarnsThenRefuses(_ durability: Durability, _ isSameHandle: Bool) throws {
        let store = try makeStore(durability)
        try Self.put(0, store)
        try store.flush()
        let reader = isSameHandle ? store : try VectorStore<Int64>.open(at: scratch.store, access: .readOnly)
        var ids: [Int64] = [0]
        try whileReading(reader) {
            ids += try putUntilBusy(store, from: 1)
            #expect(log.entries.map(\.level) == [.warning])
            #expect(try logBytes >= Self.limitBytes)
            // Every kind of write is refused, and nothing is changed.
            let length = try logBytes
            expectError(.busy) { try Self.put(-1, store) }
            expectError(.busy) { try store.delete(0) }
            expectError(.busy) { try store.setMetadataJSON("{}", for: 0) }
            expectError(.busy) { try store.write { _ in } }
            try store.flush()
            #expect(try store.ids() == ids)
            #expect(try logBytes == length)
            #expect(log.entries.count == 1)
        }
        try Self.put(5_000, store)
        #expect(try logBytes < Self.warningBytes)
        try store.flush()
        #expect(try store.ids() == ids + [5_000])
        #expect(log.entries.count == 1)
        #expect(try store.verify().isSound)
        try store.close()
        #expect(try VectorStore<Int64>.open(at: scratch.store).ids() == ids + [5_000])
    }

    /// The next long snapshot brings another warning.
    @Test func eachGrowthIsWarnedOfOnce() throws {
        let store = try makeStore()
        try whileReading(store) { _ = try putUntilBusy(store, from: 0) }
        try Self.put(2_000, store)
        try Self.put(2_001, store)
        #expect(log.entries.count == 1)
        try whileReading(store) { _ = try putUntilBusy(store, from: 3_000) }
        #expect(log.entries.count == 2)
        let message = try #require(log.entries.last?.message.description)
        #expect(message.contains("index.sqlite-wal") && message.contains("\(Self.limitBytes)"))
    }

    /// The test writes many times the limit: the log is emptied whenever it reaches it, without a warning. There is no
    /// cache, because the thread that fills it isn't idle.
    @Test(arguments: durabilities) func idleReadersAreInNobodysWay(_ durability: Durability) throws {
        let store = try makeStore(durability, indexCacheBytes: 0)
        try Self.put(0, store)
        try store.flush()
        let other = try VectorStore<Int64>.open(at: scratch.store, access: .readOnly)
        var longest: Int64 = 0
        for id in Int64(1)..<300 {
            try Self.put(id, store)
            if id % 3 == 0 { try store.flush() }
            // Each handle keeps the connection that it has read with.
            #expect(try other.contains(0) && store.contains(0))
            longest = max(longest, try logBytes)
        }
        #expect(log.entries.isEmpty)
        #expect(longest >= Self.warningBytes && longest < Self.limitBytes)
    }

    /// Earlier writes are made durable and the handle is closed, however long the log is.
    @Test(arguments: durabilities) func flushingAndClosingAreNeverRefused(_ durability: Durability) throws {
        let store = try makeStore(durability)
        var ids: [Int64] = []
        let reader = try VectorStore<Int64>.open(at: scratch.store, access: .readOnly)
        try whileReading(reader) {
            // One transaction that is longer than the limit.
            try putBatch(200, store)
            ids = Array(0..<200)
            try store.flush()
            #expect(try logBytes >= Self.limitBytes)
            expectError(.busy) { try store.delete(1) }
            try store.flush()
            try store.close()
        }
        #expect(try VectorStore<Int64>.open(at: scratch.store).ids() == ids)
    }

    /// A large batch leaves a long log, and no reader is to blame.
    @Test func aLargeBatchIsNoReason() throws {
        let store = try makeStore()
        try putBatch(500, store)
        #expect(try logBytes >= Self.limitBytes)
        #expect(try store.delete(7))
        #expect(try logBytes < Self.warningBytes)
        #expect(log.entries.isEmpty)
    }

    /// A group that outgrows SQLite's cache goes to the log before it is committed, and no checkpoint can run inside it.
    @Test func aLargeGroupIsNoReason() throws {
        let store = try makeStore(.relaxed(interval: .seconds(3_600)))
        let metadata = "{\"text\":\"\(String(repeating: "x", count: 1 << 20))\"}"
        let before = try logBytes
        for id in Int64(0)..<40 { try store.put(Self.vector(id), for: id, metadataJSON: metadata) }
        // Committed before its time, or else it would all be in memory.
        #expect(try store.count > 0 && before < Self.warningBytes)
        try store.flush()
        #expect(try store.count == 40)
        #expect(log.entries.isEmpty)
        #expect(try store.verify().isSound)
    }

    /// The log grows beyond the limit in one step, and the warning comes all the same.
    @Test func noWarningIsSkipped() throws {
        let store = try makeStore()
        try whileReading(store) {
            try putBatch(200, store)
            expectError(.busy) { try store.delete(1) }
            #expect(log.entries.count == 1)
        }
        #expect(try store.delete(1))
    }
}
