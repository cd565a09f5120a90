import Lacuna
import Synchronization
import TestSupport
import Testing

/// `delete(where:)` deletes all rows that pass the filter, or none.
@Suite(.timeLimit(.minutes(40))) struct FilteredDeletesTests {
    let scratch: Scratch

    init() throws {
        scratch = try Scratch()
        let store = try VectorStore<Int64>.create(at: scratch.store, configuration: .init(dimension: 1))
        try store.write { batch in
            for id in Int64(0)..<3_000 { try batch.put([Float(id)], for: id, metadataJSON: #"{"n":\#(id % 10)}"#) }
        }
        try store.close()
    }

    private func open(_ options: VectorStoreOptions = .init()) throws -> VectorStore<Int64> {
        try .open(at: scratch.store, options: options)
    }

    private func checkIsSound(rows: Int) throws {
        let report = try VectorStore<Int64>.open(at: scratch.store, access: .readOnly).verify()
        #expect(report.isSound && report.rows == rows)
    }

    @Test func theRowsThatPassAreGone() throws {
        let store = try open()
        // The store remembers which rows pass; the deleted ones must not come back.
        for _ in 0..<3 { #expect(try store.search(for: [0], limit: 3_000, where: .field("n") == 3).count == 300) }
        #expect(try store.delete(where: .field("n") == 3 && .id < 1_000) == 100)
        #expect(try store.ids(where: .field("n") == 3 && .id < 1_020) == [1_003, 1_013])
        #expect(try store.search(for: [0], limit: 3_000, where: .field("n") == 3).count == 200)
        #expect(try store.vector(for: 3) == nil && store.metadataJSON(for: 3) == nil)
        #expect(try store.delete(where: "metadata ->> 'n' = \(3)") == 200)
        #expect(try store.delete(where: .field("n") == 3) == 0)
        #expect(try store.delete(where: Filter(json: #"{"id": {"$gte": 100}}"#)) == 2_610)
        #expect(try store.count == 90)
        try store.close()
        try checkIsSound(rows: 90)
    }

    @Test func aWrongFilterDeletesNothing() throws {
        let store = try open()
        expectError(.invalidFilter) { try store.delete(where: "id < 5 OR") }
        // It fails on a row after others have passed.
        expectError(.invalidFilter) {
            try store.delete(where: "id < 2000 OR json_extract(metadata, CASE WHEN id = 2500 THEN '$[' ELSE '$' END)")
        }
        expectError(.reentrantCall) { try store.read { _ in try store.delete(where: .id < 5) } }
        #expect(try store.count == 3_000)
        try store.close()
        try checkIsSound(rows: 3_000)
    }

    @Test func aCancelledCallDeletesNothing() throws {
        let patience = Patience()
        let store = try open(.init(shouldCancel: patience.isOver))
        expectError(.cancelled) { try store.delete(where: Filter(sql: "id < 2000 OR \(FilterLimitTests.endless)")) }
        patience.lasts.store(true, ordering: .relaxed)
        #expect(try store.count == 3_000)
        #expect(try store.delete(where: "id < 2000") == 2_000)
    }

    private final class Patience: Sendable {
        let lasts = Atomic(false)
        func isOver() -> Bool { !lasts.load(ordering: .relaxed) }
    }

    /// Relaxed writes are committed before, and the deletion is durable when it returns.
    @Test func relaxedWritesComeFirst() throws {
        let store = try open(.init(durability: .relaxed(interval: .seconds(3_600))))
        try store.put([1], for: 5_000, metadataJSON: #"{"n":3}"#)
        try store.put([1], for: 5_001)
        #expect(try store.delete(where: .field("n") == 3 || .id == 0) == 302)
        let reader = try VectorStore<Int64>.open(at: scratch.store, access: .readOnly)
        #expect(try reader.count == 2_700)
        #expect(try reader.contains(5_001) && !reader.contains(5_000))
    }
}
