import Testing

@testable import Lacuna

/// The bug: bytes that had been punched still counted as gain, so the next automatic compaction copied the whole store.
@Suite struct CompactionChoiceTests {
    @Test func punchedRowsAreNotCopiedAwayFor() throws {
        let scratch = try Scratch()
        let store = try VectorStore<Int64>.create(
            at: scratch.store,
            configuration: .init(dimension: 1_024, metric: .dot)
        )
        try store.write { batch in
            for id in 1...400 { try batch.put([Float](repeating: Float(id), count: 1_024), for: Int64(id)) }
        }
        try store.delete(Array(101...140))
        #expect(try store.compact().strategy == .punch)
        #expect(try store.compactionPlan().strategy == nil)
        #expect(try store.compact().strategy == nil)
        #expect(try store.info.generation == 1)
        #expect(try store.compact(.rewrite).strategy == .rewrite)
    }
}
