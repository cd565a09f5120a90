import Testing

@testable import Lacuna

@Suite struct JournalTests {
    private let scratch: Scratch

    init() throws { scratch = try Scratch() }

    private func count(_ condition: String = "1") throws -> Int64 {
        let count = try rawConnection(scratch.index).first("SELECT count(*) FROM compaction_journal WHERE \(condition)")
        {
            $0.integer(0)
        }
        return count ?? 0
    }

    /// Adds entries of compactions of long ago.
    private func addHistory(_ entries: Int, _ strategy: String, _ state: String, source: Int, target: Int?) throws {
        let target = target.map { "\($0), 'vectors-\($0).f32'" } ?? "NULL, NULL"
        try tamper(
            scratch.index,
            """
            WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < \(entries))
            INSERT INTO compaction_journal (strategy, state, source_generation, source_file, target_generation, target_file,
            rows_live, allocated_before) SELECT '\(strategy)', '\(state)', \(source), 'vectors-\(source).f32', \(target), 1, 1
            FROM n
            """
        )
    }

    private func makeStore() throws {
        let store = try VectorStore<Int64>.create(at: scratch.store, configuration: .init(dimension: 8, metric: .dot))
        for id in Int64(1)...8 { try store.put(CrashModel.vector(id, version: 0, dimension: 8), for: id) }
        try store.delete([1])
        try store.compact(.rewrite)
        try store.close()
    }

    @Test func theLastThousandAreKept() throws {
        try makeStore()
        try addHistory(1_500, "punch", "finished", source: 2, target: nil)
        let store = try VectorStore<Int64>.open(at: scratch.store)
        // Opening removes nothing.
        #expect(try count() == 1_501)
        try store.delete([2])
        try store.compact(.rewrite)
        #expect(try count() == 1_001)
        #expect(try count("id <= 501") == 0)
        try store.delete([3])
        try store.compact(.rewrite)
        #expect(try count() == 1_001)
        try store.close()
    }

    /// An old entry stays for as long as one of its files is there, whatever recovery still has to do.
    @Test func whatIsNeededStays() throws {
        try makeStore()
        let aborted = scratch.file("vectors-7.f32")
        try addHistory(1, "rewrite", "aborted", source: 2, target: 7)
        try addHistory(1, "rewrite", "finished", source: 8, target: 2)
        try addHistory(1, "rewrite", "aborted", source: 2, target: 9)
        try addHistory(1_200, "punch", "finished", source: 2, target: nil)
        let store = try VectorStore<Int64>.open(at: scratch.store)
        // Other people's files have these names: recovery leaves them alone, and the entries stay.
        for path in [aborted, scratch.file("vectors-8.f32")] { try TestFiles.write(Array("a note".utf8), to: path) }
        try store.delete([2])
        try store.compact(.rewrite)
        #expect(try count("target_file = 'vectors-7.f32' OR source_file = 'vectors-8.f32'") == 2)
        #expect(try count("target_file = 'vectors-9.f32'") == 0)
        #expect(try count() == 1_003)
        TestFiles.remove(aborted)
        TestFiles.remove(scratch.file("vectors-8.f32"))
        try store.delete([3])
        try store.compact(.rewrite)
        #expect(try count("target_file = 'vectors-7.f32' OR source_file = 'vectors-8.f32'") == 0)
        try store.close()
        #expect(try VectorStoreRecovery.recover(at: scratch.store).state == .clean)
    }
}
