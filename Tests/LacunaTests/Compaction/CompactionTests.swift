import Foundation
import Lacuna
import Testing

private struct Stop: Error {}

/// Progress, cancelling, and compactions that have to stop.
@Suite struct CompactionTests {
    let scratch: Scratch
    let store: VectorStore<Int64>

    /// Puts 40 rows of 256 KiB, so that a compaction has several batches, and deletes every third.
    init() throws {
        scratch = try Scratch()
        store = try .create(at: scratch.store, configuration: .init(dimension: 65_536))
        try store.write { batch in
            for id in Int64(0)..<60 { try batch.put([Float](repeating: Float(id) + 0.5, count: 65_536), for: id) }
        }
        try store.delete(Array(stride(from: 0, to: 60, by: 3)))
    }

    /// Expects that whole blocks of rows were freed. The file system may need a few blocks of its own to note the
    /// holes.
    private func expectFreed(_ report: CompactionReport, rows: Int64) {
        let freed = report.allocatedBytesBefore - report.allocatedBytesAfter
        #expect(freed <= rows * 262_144 && freed >= rows * 262_144 - 4 * 4_096)
    }

    @Test func progressRisesToTheEnd() throws {
        var seen: [(Int, Int)] = []
        try store.compact(.rewrite) { seen.append(($0.done, $0.total)) }
        #expect(seen.count > 1)
        #expect(seen.allSatisfy { $0.1 == 40 })
        #expect(seen.map(\.0) == seen.map(\.0).sorted() && seen.last?.0 == 40)
    }

    @Test(arguments: [CompactionStrategy.rewrite, .inPlace])
    func slotsThatAnotherProgramTakesBackEndIt(_ strategy: CompactionStrategy) throws {
        let error = #expect(throws: VectorStoreError.self) {
            try store.compact(strategy) { _ in
                try tamper(scratch.index, "UPDATE store SET next_slot = 40")
            }
        }
        #expect(error?.code == .busy)
        #expect(error?.problem.contains("another program") == true)
    }

    /// Cancelled at each batch in turn: nothing is left of it but a line in the journal.
    @Test func aCancelledRewriteLeavesTheStoreAsItWas() throws {
        let rows = try rawConnection(scratch.index).rows(3, "SELECT * FROM vectors ORDER BY id")
        let data = try read(scratch.file("vectors-1.f32"))
        for limit in 1...3 {
            var calls = 0
            #expect(throws: Stop.self) {
                try store.compact(.rewrite) { _ in
                    calls += 1
                    if calls == limit { throw Stop() }
                }
            }
            #expect(try read(scratch.file("vectors-1.f32")) == data)
            #expect(try scratch.names().filter { $0.hasSuffix(".f32") } == ["vectors-1.f32"])
            let index = try rawConnection(scratch.index)
            #expect(try index.rows(3, "SELECT * FROM vectors ORDER BY id") == rows)
            let history = try index.rows(3, "SELECT strategy, state, pending FROM compaction_history")
            #expect(history == Array(repeating: ["rewrite", "aborted", 0], count: limit))
            #expect(try store.verify().isSound)
        }
        try store.put([Float](repeating: 9, count: 65_536), for: 99)
        #expect(try store.compact(.rewrite).movedRows == 41)
        // A number is never used twice, not even an aborted one.
        #expect(try store.info.generation == 5)
        #expect(try store.vector(for: 99)?.last == 9)
    }

    @Test func aCancelledPunchKeepsTheStore() throws {
        var calls = 0
        #expect(throws: Stop.self) {
            try store.compact(.punch) { _ in
                calls += 1
                if calls == 5 { throw Stop() }
            }
        }
        let state = try rawConnection(scratch.index).value("SELECT state FROM compaction_history")
        #expect(state == "aborted")
        #expect(try store.verify().isSound)
        #expect(try store.space.punchableBytes == 15 * 262_144)
        try store.compact(.punch)
        #expect(try store.space.punchableBytes == 0)
        #expect(try store.vector(for: 1)?.first == 1.5)
    }

    @Test func theHistoryTellsWhatWasDone() throws {
        let report = try store.compact(.punch)
        expectFreed(report, rows: 20)
        let second = try store.compact(.rewrite)
        let history = try rawConnection(scratch.index).rows(
            9,
            """
            SELECT strategy, state, source_file, target_file, rows_live, rows_moved, allocated_before, allocated_after, bytes_freed
            FROM compaction_history ORDER BY id
            """
        )
        let expected: [[SQLValue]] = [
            [
                "punch", "finished", "vectors-1.f32", nil, 40, 0, .integer(report.allocatedBytesBefore),
                .integer(report.allocatedBytesAfter),
                .integer(report.allocatedBytesBefore - report.allocatedBytesAfter),
            ],
            [
                "rewrite", "finished", "vectors-1.f32", "vectors-2.f32", 40, 40, .integer(second.allocatedBytesBefore),
                .integer(second.allocatedBytesAfter),
                .integer(second.allocatedBytesBefore - second.allocatedBytesAfter),
            ],
        ]
        #expect(history == expected)
    }

    /// A reader in another handle sees rows that a compaction in place would destroy; a rewrite destroys none.
    @Test func aRewriteDoesNotWaitForReaders() throws {
        let reader = try VectorStore<Int64>.open(at: scratch.store, access: .readOnly)
        try reader.withVector(for: 1) { row in
            try store.compact(.rewrite)
            try store.delete(1)
            try store.compact(.rewrite)
            #expect(row[0] == 1.5 && row[65_535] == 1.5)
        }
        #expect(try reader.vector(for: 1) == nil)
        #expect(try reader.vector(for: 2)?.last == 2.5)
        var count = 0
        try reader.forEach { row in
            if count == 0 { try store.compact(.rewrite) }
            #expect(row.vector.allSatisfy { $0 == Float(row.id) + 0.5 })
            count += 1
        }
        #expect(count == 39)
    }

    @Test func aPunchWaitsForReadersAndThenGivesUp() throws {
        let reader = try VectorStore<Int64>.open(at: scratch.store, access: .readOnly)
        try reader.withVector(for: 2) { row in
            try store.delete(2)
            expectError(.busy) { try store.compact(.punch) }
            #expect(row[0] == 2.5 && row[65_535] == 2.5)
        }
        let report = try store.compact(.punch)
        expectFreed(report, rows: 21)
        #expect(try store.verify().isSound)
    }
}
