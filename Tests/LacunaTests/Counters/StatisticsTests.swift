import Lacuna
import Testing

@Suite struct StatisticsTests {
    @Test func everythingIsCounted() throws {
        let scratch = try Scratch()
        let store = try VectorStore<Int64>.create(at: scratch.store, configuration: .init(dimension: 2))
        #expect(try store.statistics.commits == 0)
        try store.write { batch in for id in Int64(0)..<100 { try batch.put([1, Float(id)], for: id) } }
        try store.put([9, 9], for: 7, replacing: true)
        try store.delete([1, 2, 3])
        _ = try store.search(for: [1, 2], limit: 3)
        _ = try store.search(forEach: [[1, 2], [3, 4]], limit: 3, where: .id > 50)
        let before = try store.statistics.reads
        for id in Int64(10)..<30 { _ = try store.vector(for: id) }
        let report = try store.compact(.rewrite)

        let statistics = try store.statistics
        #expect(statistics.reads >= before + 20)
        #expect(statistics.searches == ["all rows": 1, "filter first": 1])
        #expect(statistics.comparedRows >= 97 + 46 && statistics.searchedBytes > 0)
        #expect(statistics.searchDuration > .zero)
        #expect(statistics.commits == 3)
        #expect(statistics.addedRows == 101 && statistics.deletedRows == 3)
        #expect(statistics.writtenBytes == 101 * 8 + report.writtenBytes)
        #expect(statistics.commitDuration > .zero)
        #expect(statistics.compactions == 1 && statistics.movedRows == 97)
        #expect(statistics.reclaimedBytes == report.allocatedBytesBefore - report.allocatedBytesAfter)
        #expect(statistics.longestWriterPause == report.longestWriterPause)
        #expect(statistics.logBytes > 0)
        #expect(statistics.codesBytes == 0)
    }
}
