import Testing

@testable import Lacuna

/// A field of the index rots while a compaction is under way: the compaction ends, and rows stay what they were.
@Suite(.timeLimit(.minutes(40))) struct RotDuringCompactionTests {
    @Test(arguments: [-21, Int64.min, 1 << 50]) func aSlotOutOfRangeEndsTheRewrite(_ slot: Int64) throws {
        let scratch = try Scratch()
        let store = try VectorStore<Int64>.create(at: scratch.store, configuration: .init(dimension: 4))
        func put(_ ids: Range<Int64>) throws {
            try store.write { batch in for id in ids { try batch.put([1, 2, 3, Float(id)], for: id) } }
        }
        try put(0..<100)
        try store.delete(Array(0..<50))
        var hasRotted = false
        var hasAppended = false
        expectError(.damaged) {
            try store.compact(.rewrite, .small(rows: 8, dimension: 4)) { _ in
                if hasRotted { return }
                do {
                    if !hasAppended { try put(100..<200) }
                    hasAppended = true
                    hasRotted = try store.writing().turn { session in
                        guard let target = session.staging.target, session.staging.stagedRows > 50 else { return false }
                        let connection = session.index.connection
                        try connection.execute("PRAGMA ignore_check_constraints = ON")
                        try connection.run(
                            "UPDATE vectors SET slot = ? WHERE generation = ? AND id = 60",
                            [.integer(slot), .integer(target)]
                        )
                        try connection.execute("PRAGMA ignore_check_constraints = OFF")
                        return true
                    }
                    if hasRotted { #expect(try store.delete([60]) == 1) }
                } catch { Issue.record(error) }
            }
        }
        #expect(hasRotted)
        #expect(try store.count == 149)
        #expect(try !store.contains(60) && store.contains(61))
        try store.close()
        let again = try VectorStore<Int64>.open(at: scratch.store)
        try again.compact(.rewrite)
        #expect(try again.verify().isSound)
        #expect(try again.count == 149)
    }

    /// Rows that move to slots from the next one on would be overwritten by the next put.
    @Test func aNextSlotThatFallsEndsACompactionInPlace() throws {
        let scratch = try Scratch()
        let store = try VectorStore<Int64>.create(at: scratch.store, configuration: .init(dimension: 4))
        try store.write { batch in for id in Int64(0)..<200 { try batch.put([1, 2, 3, Float(id)], for: id) } }
        try store.delete(Array(0..<50))
        var hasRotted = false
        expectError(.damaged) {
            try store.compact(.inPlace, .small(rows: 8, dimension: 4)) { _ in
                if hasRotted { return }
                hasRotted = true
                do {
                    _ = try store.writing().turn { session in
                        try session.index.connection.run("UPDATE store SET next_slot = 10, live_rows = 10")
                    }
                } catch { Issue.record(error) }
            }
        }
        #expect(hasRotted)
        _ = try store.writing().turn { session in
            try session.index.connection.run("UPDATE store SET next_slot = 200, live_rows = 150")
        }
        for id in Int64(50)..<200 { #expect(try store.vector(for: id) == [1, 2, 3, Float(id)]) }
        #expect(try store.verify().isSound)
    }
}
