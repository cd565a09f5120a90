import Dispatch
import Foundation
import Testing

@testable import Lacuna

/// Relaxed durability is a delayed group commit: whole batches are committed in order, a little later.
@Suite(.timeLimit(.minutes(40))) struct RelaxedDurabilityTests {
    private let scratch: Scratch

    init() throws { scratch = try Scratch() }

    private func makeStore(_ interval: Duration = .seconds(3_600)) throws -> VectorStore<Int64> {
        try .create(
            at: scratch.store,
            configuration: .init(dimension: 4, metric: .dot),
            options: .init(durability: .relaxed(interval: interval))
        )
    }

    private func row(_ id: Int64) -> [Float] { [Float(id), 1, 2, 3] }

    @Test func writesAreSeenOnceFlushed() throws {
        let store = try makeStore()
        for id in 1...50 { try store.put(row(Int64(id)), for: Int64(id), metadataJSON: "{\"n\":\(id)}") }
        #expect(try store.count == 0)
        try store.flush()
        #expect(try store.count == 50)
        #expect(try store.vector(for: 17) == row(17))
        #expect(try store.metadataJSON(for: 17) == "{\"n\":17}")
    }

    @Test func aGroupIsOneCommit() throws {
        let store = try makeStore()
        let before = try store.commitSequence
        for id in 1...20 { try store.put(row(Int64(id)), for: Int64(id)) }
        try store.flush()
        #expect(try store.commitSequence == before + 1)
    }

    @Test func aFailedBatchLeavesItsGroupAlone() throws {
        let store = try makeStore()
        try store.put(row(1), for: 1)
        #expect(throws: VectorStoreError.self) {
            try store.write { batch in
                try batch.put(row(2), for: 2)
                batch.delete(1)
                try batch.put(row(3), for: 1)
                try batch.put([.nan, 0, 0, 0], for: 3)
            }
        }
        try store.put(row(4), for: 4)
        try store.flush()
        #expect(try store.ids() == [1, 4])
        #expect(try store.vector(for: 1) == row(1))
        #expect(try store.vector(for: 4) == row(4))
        #expect(try store.verify().isSound)
        #expect(try store.space.deadRows == 0)
    }

    /// A batch fails after its rows were written to the file; later rows take their place.
    @Test func aLargeFailedBatchIsOverwritten() throws {
        let store = try VectorStore<Int64>.create(
            at: scratch.store,
            configuration: .init(dimension: 65_536, metric: .dot),
            options: .init(durability: .relaxed(interval: .seconds(3_600)))
        )
        func large(_ value: Float) -> [Float] { Array(repeating: value, count: 65_536) }
        try store.put(large(1), for: 1)
        #expect(throws: VectorStoreError.self) {
            try store.write { batch in
                for id in 2...20 { try batch.put(large(-1), for: Int64(id)) }
                try batch.put(large(-1), for: 1)
            }
        }
        try store.put(large(2), for: 2)
        try store.flush()
        #expect(try store.vector(for: 1) == large(1))
        #expect(try store.vector(for: 2) == large(2))
        #expect(try store.verify().isSound)
        #expect(try store.space.deadRows == 0)
    }

    @Test func aFullGroupIsCommittedAtOnce() throws {
        let store = try VectorStore<Int64>.create(
            at: scratch.store,
            configuration: .init(dimension: 65_536, metric: .dot),
            options: .init(durability: .relaxed(interval: .seconds(3_600)))
        )
        for id in 1...33 { try store.put(Array(repeating: 1, count: 65_536), for: Int64(id)) }
        #expect(try store.count == 32)
    }

    @Test func closingAndLettingGoFlush() throws {
        var store: VectorStore<Int64>? = try makeStore()
        try store?.put(row(1), for: 1)
        try store?.close()
        store = try VectorStore.open(
            at: scratch.store,
            options: .init(durability: .relaxed(interval: .seconds(3_600)))
        )
        try store?.put(row(2), for: 2)
        store = nil
        #expect(try VectorStore<Int64>.open(at: scratch.store).ids() == [1, 2])
    }

    @Test func maintenanceFlushesFirst() throws {
        let store = try makeStore()
        try store.put(row(1), for: 1)
        try store.put(row(2), for: 2)
        #expect(try store.delete(1))
        try store.put(row(3), for: 3)
        try store.compact(.rewrite)
        #expect(try store.ids() == [2, 3])
        #expect(try store.space.deadRows == 0)
    }

    /// Waits, without a limit, until a reader in another connection sees the group, which is once it is committed.
    @Test func theIntervalFlushes() throws {
        let store = try makeStore(.milliseconds(1))
        try store.put(row(1), for: 1)
        while try store.count == 0 {}
        #expect(try store.ids() == [1])
    }

    /// A group whose first batch fails is committed in time all the same.
    @Test func theIntervalFlushesAfterAFailedBatch() throws {
        let store = try makeStore(.milliseconds(1))
        #expect(throws: VectorStoreError.self) { try store.put([.nan, 0, 0, 0], for: 1) }
        try store.put(row(2), for: 2)
        while try store.count == 0 {}
        #expect(try store.ids() == [2])
    }

    /// A timer that flushes at the same moment holds the writer's lock no longer than the handle does.
    @Test func aHandleThatIsLetGoBesideItsTimerIsClosed() throws {
        do { _ = try makeStore() }
        for id in Int64(1)...300 {
            do {
                let store = try VectorStore<Int64>.open(
                    at: scratch.store,
                    options: .init(durability: .relaxed(interval: .zero))
                )
                try store.put(row(id), for: id)
            }
            #expect(try VectorStore<Int64>.open(at: scratch.store).count == Int(id))
        }
    }

    // MARK: A savepoint's journal

    /// A batch that joins a group is a savepoint, which keeps a copy of each page that the batch changes. If the batch
    /// changes all pages of the index, these copies must not be in memory.
    @Test(.enabled(if: exists("/proc/self/fd"))) func aLargeBatchsJournalIsNotInMemory() throws {
        let store = try makeStore()
        let json = "{\"t\":\"\(String(repeating: "x", count: 3_000))\"}"
        let ids = Int64(1)...3_000
        try store.write { batch in for id in ids { try batch.put(row(id), for: id, metadataJSON: json) } }
        try store.flush()
        try store.put(row(0), for: 0)
        var longest: Int64 = 0
        try store.write { batch in
            for id in ids { try batch.setMetadataJSON("{\"t\":\"\(id)\"}", for: id) }
            longest = try longestTemporaryFile()
        }
        #expect(longest > 5 << 20)
        try store.flush()
        #expect(try store.metadataJSON(for: 7) == "{\"t\":\"7\"}")
        #expect(try store.verify().isSound)
    }

    /// The length of the longest nameless file that SQLite has open; the files of other tests are shorter.
    private func longestTemporaryFile() throws -> Int64 {
        try Directory.names("/proc/self/fd").reduce(0) { longest, name in
            let path = "/proc/self/fd/" + name
            guard let target = try? FileManager.default.destinationOfSymbolicLink(atPath: path),
                target.contains("etilqs"), let descriptor = Int32(name)
            else { return longest }
            return max(longest, (try? FileStatus.of(descriptor).size) ?? 0)
        }
    }
}

extension VectorStore {
    var commitSequence: Int64 { get throws { try readers.read { $0.record.commitSequence } } }
}
