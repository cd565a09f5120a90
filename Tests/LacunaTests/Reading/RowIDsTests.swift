import Foundation
import TestSupport
import Testing

@testable import Lacuna

/// Reads by id without SQL give the same answers as the index, whoever has changed it.
@Suite(.timeLimit(.minutes(40))) struct RowIDsTests {
    private static let dimension = 20

    private static func vector(_ id: Int64, _ version: Int = 0) -> [Float] {
        (0..<dimension).map { Float(Int(id) * 100 + $0 + version * 1_000_000) }
    }

    private static func make(
        _ scratch: Scratch,
        rows: Int64 = 200,
        _ options: VectorStoreOptions = .init()
    ) throws -> VectorStore<Int64> {
        let store = try VectorStore<Int64>.create(
            at: scratch.store,
            configuration: .init(dimension: dimension, metric: .euclidean),
            options: options
        )
        try store.write { batch in for id in 0..<rows { try batch.put(vector(id), for: id) } }
        return store
    }

    /// The cache's own answer: nil if it has none, .some(nil) if it knows that there is no row.
    private static func cached(_ store: VectorStore<Int64>, _ id: Int64) throws -> [Float]?? {
        let cache = try #require(store.memory.rowIDs)
        switch cache.withRow(RowKey(id), { (row: Span<Float>) in row.copy() }) {
        case .unknown: return nil
        case .absent: return .some(nil)
        case .found(let vector): return vector
        }
    }

    /// Reads until the cache answers.
    private static func fill<ID>(_ store: VectorStore<ID>, _ id: ID) throws {
        let cache = try #require(store.memory.rowIDs)
        for _ in 0..<10_000 where try cache.contains(#require(id.rowKey)) == nil {
            _ = try store.contains(id)
            cache.finishFilling()
        }
        let answer = try cache.contains(#require(id.rowKey))
        #expect(answer != nil)
    }

    @Test func fewReadsFillNothing() throws {
        let scratch = try Scratch()
        let store = try Self.make(scratch)
        for id: Int64 in 0..<63 { #expect(try store.vector(for: id) == Self.vector(id)) }
        store.memory.rowIDs?.finishFilling()
        #expect(try Self.cached(store, 1) == nil)
        _ = try store.vector(for: 63)
        store.memory.rowIDs?.finishFilling()
        #expect(try Self.cached(store, 1) == Self.vector(1))
    }

    @Test func itKnowsEveryCommit() throws {
        let scratch = try Scratch()
        let store = try Self.make(scratch)
        try Self.fill(store, 1)
        try store.put(Self.vector(7, 1), for: 7, replacing: true)
        try store.delete([8, 9, 500])
        try store.put(Self.vector(1_000), for: 1_000)
        struct Refused: Error {}
        expectError(.duplicateID) { try store.put(Self.vector(10, 5), for: 10) }
        #expect(throws: Refused.self) {
            try store.write { batch in
                try batch.put(Self.vector(11, 5), for: 11, replacing: true)
                batch.delete(12)
                throw Refused()
            }
        }
        try store.setMetadataJSON("{}", for: 13)
        for id: Int64 in 0..<200 {
            let expected = id == 8 || id == 9 ? nil : Self.vector(id, id == 7 ? 1 : 0)
            #expect(try Self.cached(store, id) == .some(expected), "\(id)")
        }
        #expect(try Self.cached(store, 1_000) == Self.vector(1_000))
        #expect(try store.vector(for: 8) == nil)
        #expect(try !store.contains(8))
        #expect(try store.withVector(for: 8) { $0[0] } == nil)
    }

    /// A group's batches show once it is committed; failed batches never show.
    @Test func relaxedBatchesShowWithTheirGroup() throws {
        let scratch = try Scratch()
        let store = try Self.make(scratch, .init(durability: .relaxed(interval: .seconds(3_600))))
        try store.flush()
        try Self.fill(store, 1)
        try store.put(Self.vector(3, 1), for: 3, replacing: true)
        expectError(.duplicateID) {
            try store.write { batch in
                try batch.put(Self.vector(4, 1), for: 4, replacing: true)
                try batch.put(Self.vector(5, 1), for: 5)
            }
        }
        try store.put(Self.vector(6, 1), for: 6, replacing: true)
        #expect(try Self.cached(store, 3) == Self.vector(3))
        try store.flush()
        for id: Int64 in 0..<200 {
            #expect(try Self.cached(store, id) == Self.vector(id, id == 3 || id == 6 ? 1 : 0), "\(id)")
        }
    }

    @Test func aCommitBehindOurBackIsSeenAtOnce() throws {
        let scratch = try Scratch()
        let store = try Self.make(scratch)
        try Self.fill(store, 1)
        let shell = try rawConnection(scratch.index)
        try shell.run("DELETE FROM vectors WHERE id = 5")
        #expect(try Self.cached(store, 5) == nil)
        #expect(try store.vector(for: 5) == nil)
        #expect(try store.vector(for: 6) == Self.vector(6))
        // A commit of our own doesn't hide the other commit.
        try store.put(Self.vector(6, 1), for: 6, replacing: true)
        #expect(try Self.cached(store, 5) == nil)
        #expect(try store.vector(for: 5) == nil)
        try shell.run("UPDATE store SET live_rows = live_rows - 1")
        try Self.fill(store, 1)
        #expect(try Self.cached(store, 5) == .some(nil))
        #expect(try Self.cached(store, 6) == Self.vector(6, 1))
    }

    @Test(arguments: [CompactionStrategy.rewrite, .inPlace, .punch]) func itFollowsACompaction(
        _ strategy: CompactionStrategy
    ) throws {
        let scratch = try Scratch()
        let store = try Self.make(scratch, rows: 2_000)
        try Self.fill(store, 1)
        try store.delete((0..<2_000).filter { $0 % 3 == 0 })
        try store.compact(strategy)
        // A rewrite moves all rows. A thread follows that.
        store.memory.rowIDs?.finishFilling()
        for id: Int64 in 0..<2_000 {
            #expect(try Self.cached(store, id) == .some(id % 3 == 0 ? nil : Self.vector(id)), "\(id)")
        }
    }

    /// Rows are put, replaced and deleted before a rewrite copies them, after that, and after its last commit.
    @Test func itFollowsARewriteBesideWrites() throws {
        let scratch = try Scratch()
        let store = try Self.make(scratch)
        try Self.fill(store, 1)
        var versions = Dictionary(uniqueKeysWithValues: (Int64(0)..<200).map { ($0, 0) })
        func write(_ call: Int) throws {
            let id = Int64(call * 37 % 230)
            if call % 3 == 0 {
                try store.delete(id)
                versions[id] = nil
            } else {
                try store.put(Self.vector(id, call), for: id, replacing: true)
                versions[id] = call
            }
        }
        for call in 3..<40 { try write(call) }
        var calls = 0
        try store.compact(.rewrite, .small(rows: 4, dimension: Self.dimension)) { _ in
            calls += 1
            if calls % 2 == 0 { try write(calls) }
        }
        #expect(calls > 50)
        for call in calls + 1..<calls + 20 { try write(call) }
        store.memory.rowIDs?.finishFilling()
        for id: Int64 in 0..<250 {
            #expect(try Self.cached(store, id) == .some(versions[id].map { Self.vector(id, $0) }), "\(id)")
        }
        let matches = try store.search(for: Self.vector(7), limit: 300)
        #expect(Set(matches.map(\.id)) == Set(versions.keys))
    }

    /// A rewrite's commit that began from a state which the table doesn't know can't tell the slots of its rows.
    @Test func aRewriteOfAnotherStateIsNotFollowed() throws {
        let scratch = try Scratch()
        let store = try Self.make(scratch)
        try Self.fill(store, 5)
        let cache = try #require(store.memory.rowIDs)
        let other = try rawConnection(scratch.index)
        try other.run("DELETE FROM vectors WHERE id = 5")
        let record = try StoreIndex(other).record()
        let file = try store.readers.read { $0.rows.file }
        let changes = RowChanges(.integer)
        cache.begin(changes, commits: 7)
        changes.note(RowChanges.Move(copied: LiveBitmap(below: record.nextSlot, except: SlotBits()), file: file))
        cache.commit(changes, record, commits: 7)
        cache.finishFilling()
        #expect(try Self.cached(store, 5) == nil)
        #expect(try store.vector(for: 5) == nil)
    }

    /// Nothing may overwrite a row that a reader holds; a rewrite leaves the row where it is.
    @Test func aHeldRowKeepsItsPlace() throws {
        let scratch = try Scratch()
        let store = try Self.make(scratch, rows: 2_000)
        try Self.fill(store, 1)
        try store.delete((0..<1_990).map { $0 })
        try store.withVector(for: 1_995) { held in
            // Another thread writes, because this one must not.
            let failure = Guarded<VectorStoreError?>(nil)
            let ended = DispatchSemaphore(value: 0)
            Thread {
                do { try store.compact(.inPlace, .waiting(0.05)) } catch {
                    failure.withLock { $0 = error as? VectorStoreError }
                }
                ended.signal()
            }
            .start()
            ended.wait()
            #expect(failure.withLock { $0?.code } == .busy)
            #expect(held.copy() == Self.vector(1_995))
        }
        try store.compact(.inPlace)
        #expect(try store.vector(for: 1_995) == Self.vector(1_995))
    }

    /// Once the writer's lock is released, another handle could destroy the row that a reader holds here.
    @Test func closingWaitsForAHeldRow() throws {
        let scratch = try Scratch()
        let store = try Self.make(scratch)
        try Self.fill(store, 1)
        let hasClosed = DispatchSemaphore(value: 0)
        try store.withVector(for: 1) { held in
            Thread {
                try? store.close()
                hasClosed.signal()
            }
            .start()
            #expect(hasClosed.wait(timeout: .now() + 0.5) == .timedOut)
            expectError(.closed) { try store.vector(for: 2) }
            expectError(.locked) { try VectorStore<Int64>.open(at: scratch.store) }
            #expect(held.copy() == Self.vector(1))
        }
        hasClosed.wait()
        #expect(try VectorStore<Int64>.open(at: scratch.store).vector(for: 1) == Self.vector(1))
    }

    /// An epoch ends even if there is a reader at every moment.
    @Test func unbrokenReadingDoesNotKeepRowsInPlace() throws {
        let scratch = try Scratch()
        let store = try Self.make(scratch, rows: 2_000)
        try Self.fill(store, 1)
        try store.delete((0..<1_900).map { $0 })
        let isDone = Guarded(false)
        let group = DispatchGroup()
        for _ in 0..<2 {
            group.enter()
            Thread {
                while !isDone.withLock({ $0 }) {
                    _ = try? store.withVector(for: 1_995) { _ in usleep(5_000) }
                }
                group.leave()
            }
            .start()
        }
        let report = Result { try store.compact(.inPlace) }
        isDone.withLock { $0 = true }
        group.wait()
        #expect(try report.get().movedRows == 100)
    }

    /// Another program may commit between our empty commit and our check of the log.
    @Test func anEmptyCommitIsNobodyElses() throws {
        let scratch = try Scratch()
        let store = try Self.make(scratch)
        try Self.fill(store, 5)
        let cache = try #require(store.memory.rowIDs)
        let changes = RowChanges(.integer)
        cache.begin(changes, commits: 7)
        let other = try rawConnection(scratch.index)
        let record = try StoreIndex(other).record()
        try other.run("DELETE FROM vectors WHERE id = 5")
        cache.commit(changes, record, commits: 7)
        #expect(try Self.cached(store, 5) == nil)
        #expect(try store.vector(for: 5) == nil)
    }

    /// A group's changes from before the table was filled lie over the table as well.
    @Test func aGroupUnderWayKeepsNothingFromBeingRemembered() throws {
        let scratch = try Scratch()
        let store = try Self.make(scratch, rows: 200, .init(durability: .relaxed(interval: .seconds(3_600))))
        try store.flush()
        #expect(try store.vector(for: 1) == Self.vector(1))
        try store.put(Self.vector(1, 2), for: 1, replacing: true)
        try Self.fill(store, 1)
        try store.flush()
        #expect(try Self.cached(store, 1) == Self.vector(1, 2))
    }

    @Test func aReadMustNotWriteToItsStore() throws {
        let scratch = try Scratch()
        let store = try Self.make(scratch)
        try Self.fill(store, 1)
        try store.withVector(for: 1) { _ in
            expectError(.reentrantCall) { try store.delete(2) }
            expectError(.reentrantCall) { try store.close() }
            let other = try store.vector(for: 2)
            #expect(other == Self.vector(2))
        }
        try store.delete(2)
        try store.close()
        expectError(.closed) { try store.vector(for: 1) }
    }

    /// These slots overflow the arithmetic of offsets: reading the id reports the damage, and the other ids are read as
    /// ever.
    @Test(arguments: [Int64.min, -1, .max, 1 << 40]) func aHostileSlotFillsNothing(_ slot: Int64) throws {
        let scratch = try Scratch()
        let store = try Self.make(scratch)
        try tamper(scratch.index, "UPDATE vectors SET slot = \(slot) WHERE id = 150")
        for id: Int64 in 0..<150 { #expect(try store.vector(for: id) == Self.vector(id)) }
        store.memory.rowIDs?.finishFilling()
        #expect(try Self.cached(store, 1) == nil)
        expectError(.damaged) { try store.vector(for: 150) }
    }

    @Test func withoutRoomItIsNotFilled() throws {
        for bytes in [0, SlotTable.bytes(slots: 200, rows: 200, .integer) - 1] {
            let scratch = try Scratch()
            let store = try Self.make(scratch, .init(indexCacheBytes: bytes))
            for id: Int64 in 0..<200 { #expect(try store.vector(for: id) == Self.vector(id)) }
            store.memory.rowIDs?.finishFilling()
            if store.memory.rowIDs != nil { #expect(try Self.cached(store, 1) == nil) }
        }
        expectError(.invalidArgument) { try VectorStoreOptions(indexCacheBytes: -1).check() }
    }

    @Test func rowsBeyondTheLimitTakeItAway() throws {
        let scratch = try Scratch()
        let rows: Int64 = 4_096
        let bytes = SlotTable.bytes(slots: Int(rows), rows: Int(rows), .integer) + 10_000
        let store = try Self.make(scratch, rows: rows, .init(indexCacheBytes: bytes))
        try Self.fill(store, 1)
        try store.put(Self.vector(rows), for: rows)
        #expect(try Self.cached(store, 1) == nil)
        #expect(try store.vector(for: rows) == Self.vector(rows))
    }

    @Test func textsAndUUIDsWorkAlike() throws {
        let scratch = try Scratch()
        let names = try VectorStore<String>.create(at: scratch.store, configuration: .init(dimension: 1, metric: .dot))
        let texts = ["", "é", "e\u{301}", "a", "A"] + (0..<100).map { "row \($0)" }
        try names.write { batch in for (row, text) in texts.enumerated() { try batch.put([Float(row)], for: text) } }
        try Self.fill(names, "a")
        for (row, text) in texts.enumerated() { #expect(try names.vector(for: text) == [Float(row)]) }
        #expect(try names.vector(for: "b") == nil)
        try names.delete("a")
        #expect(try names.vector(for: "a") == nil)

        let other = try Scratch()
        let photos = try VectorStore<UUID>.create(at: other.store, configuration: .init(dimension: 1, metric: .dot))
        let ids = (0..<100).map { _ in UUID() }
        try photos.write { batch in for (row, id) in ids.enumerated() { try batch.put([Float(row)], for: id) } }
        try Self.fill(photos, ids[0])
        for (row, id) in ids.enumerated() { #expect(try photos.vector(for: id) == [Float(row)]) }
        #expect(try photos.vector(for: UUID()) == nil)
        try photos.put([7], for: ids[3], replacing: true)
        #expect(try photos.vector(for: ids[3]) == [7])
    }

    /// Three threads read all the time, from the table while there is one; another thread writes, deletes and compacts.
    @Test func readersBesideAWriterGetWholeRows() throws {
        let scratch = try Scratch()
        let store = try VectorStore<Int64>.create(
            at: scratch.store,
            configuration: .init(dimension: 300, metric: .euclidean)
        )
        var writes = ModelledWrites(dimension: 300, seed: 5, ids: 0..<400)
        for _ in 0..<4 { try writes.step(store, bulk: 200) }
        let isDone = Guarded(false)
        let failures = Guarded<[String]>([])
        let reads = Guarded(0)
        let group = DispatchGroup()
        for thread in 0..<3 {
            group.enter()
            Thread {
                var random = SplitMix64(seed: UInt64(thread))
                while !isDone.withLock({ $0 }) {
                    let id = Int64.random(in: 0..<400, using: &random)
                    do {
                        let isWhole = try store.withVector(for: id) { ModelledWrites.isRow($0, of: id) } ?? true
                        if !isWhole { failures.withLock { $0.append("id \(id) is torn") } }
                        reads.withLock { $0 += 1 }
                    } catch { failures.withLock { $0.append("\(error)") } }
                }
                group.leave()
            }
            .start()
        }
        var answers = 0
        for round in 0..<40 {
            try writes.step(store, bulk: 30)
            if round % 8 == 3 { try store.compact(round % 16 == 3 ? .inPlace : .rewrite) }
            if round % 8 == 7 { try store.compact(.punch) }
            // Readers read each state for a while.
            let before = reads.withLock { $0 }
            while reads.withLock({ $0 }) < before + 300 && failures.withLock(\.isEmpty) { sched_yield() }
            try writes.checkReads(store)
            if try Self.cached(store, 0) != nil { answers += 1 }
        }
        isDone.withLock { $0 = true }
        group.wait()
        #expect(failures.withLock { $0 } == [])
        #expect(answers > 0)
        try writes.check(store)
    }
}
