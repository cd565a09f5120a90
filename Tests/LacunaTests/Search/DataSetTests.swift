import Foundation
import Lacuna
import TestSupport
import Testing

/// Searches real embeddings and compares with answers that were computed elsewhere, in float64.
@Suite struct DataSetTests {
    let scratch: Scratch

    init() throws { scratch = try Scratch() }

    @Test func theSampleIsSearchedRight() throws {
        let store = try VectorStore<Int64>.create(at: scratch.store, configuration: .init(dimension: 384))
        #expect(try PackagesData.sample.fill(store) == 1_000)
        try PackagesData.sample.expectAllAnswers(store)
        // Indexes on what the filters compare make no difference.
        for key in ["section", "installed_kib"] { try store.createMetadataIndex(on: key) }
        try PackagesData.sample.expectAllAnswers(store)
        // Neither do the rows' places.
        try store.delete([])
        for id in Int64(1)...50 {
            let vector = try #require(try store.vector(for: id))
            let json = try store.metadataJSON(for: id)
            try store.put(vector, for: id, metadataJSON: json, replacing: true)
        }
        try PackagesData.sample.expectAllAnswers(store)
        try store.compact(.rewrite)
        try PackagesData.sample.expectAllAnswers(store)
    }

    @Test(
        .enabled(if: PackagesData.whole.isThere, "the data set is not beside the repository"),
        .timeLimit(.minutes(40))
    )
    func theWholeSetShrinksWithItsRows() throws {
        let data = PackagesData.whole
        let store = try VectorStore<Int64>.create(at: scratch.store, configuration: .init(dimension: 384))
        #expect(try data.fill(store) == 20_000)
        try data.expectAllAnswers(store)
        for key in ["section", "installed_kib"] { try store.createMetadataIndex(on: key) }
        try data.expectAllAnswers(store)
        try expectHalfToGoAway(store)

        try store.delete(try store.ids())
        #expect(try store.fragmentation == 1)
        try store.compact(.rewrite)
        let space = try rawConnection(scratch.index).rows(3, "SELECT live_rows, dead_rows, next_offset FROM space")
        #expect(space == [[0, 0, 4_096]])
        #expect(try rawConnection(scratch.index).value("SELECT count(*) FROM vectors") == 0)
        #expect(try store.space.allocatedBytes <= 512 << 10)
        try store.close()
        // The index shrank as well.
        #expect(try sizes(scratch.index).length < 1 << 20)
    }

    private func expectHalfToGoAway(_ store: VectorStore<Int64>) throws {
        var random = SplitMix64(seed: 2_026)
        let ids = (Int64(1)...20_000).shuffled(using: &random)
        for begin in stride(from: 0, to: 10_000, by: 1_000) {
            #expect(try store.delete(Array(ids[begin..<begin + 1_000])) == 1_000)
        }
        let survivors = ids[10_000...].sorted()
        #expect(try store.fragmentation == 0.5)
        let report = try store.compact(.rewrite)
        #expect(report.movedRows == 10_000)
        let space = try store.space
        let live: Int64 = 10_000 * 384 * 4
        #expect(space.liveBytes == live && space.deadRows == 0)
        let step = 2 * min(4 << 20, max(256 << 10, live / 8))
        #expect(space.allocatedBytes <= live * 102 / 100 + 65_536 + step)
        #expect(try store.ids() == survivors)
        // Rows were put in the order of their ids and moved in order, so the file has the .npy's rows without the
        // deleted ones.
        let file = try read(scratch.file("vectors-2.f32"))
        let source = try read("\(PackagesData.whole.directory)/packages.npy")
        let wrong = survivors.enumerated().filter { slot, id in
            let begin = 128 + (Int(id) - 1) * 1_536
            return file[4_096 + slot * 1_536..<4_096 + (slot + 1) * 1_536] != source[begin..<begin + 1_536]
        }
        #expect(wrong.isEmpty)
        #expect(try store.verify().isSound)
        // The exact answers, without the rows that were deleted.
        let alive = Set(survivors)
        let queries = try PackagesData.whole.queries()
        for answer in try PackagesData.whole.answers("truth.jsonl").prefix(25) {
            let left = zip(answer.ids, answer.scores).filter { alive.contains($0.0) }
            let matches = try store.search(for: queries[answer.id] ?? [], limit: left.count)
            for (match, expected) in zip(matches, left) {
                #expect(abs(1 - match.distance - expected.1) <= PackagesData.tolerance)
            }
        }
    }
}
