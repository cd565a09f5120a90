// The bug story: deleted vectors were still readable in the file, and it was not enough to overwrite them: earlier
// versions of the same rows lay elsewhere, the edges of a punched stretch shared their blocks with live rows, and the
// index kept deleted metadata in its log and in the free space of its pages.

import TestSupport
import Testing

@testable import Lacuna

/// Nothing of an erased row is left in any file, and all other rows are left whole.
@Suite(.timeLimit(.minutes(40))) struct ErasingTests {
    private let scratch: Scratch

    init() throws { scratch = try Scratch() }

    /// The work on the store before the erasure.
    enum Past: CaseIterable, Sendable { case nothing, relaxed, rewritten, movedInPlace, punched, abortedRewrite }

    @Test(arguments: Past.allCases) func nothingIsLeft(_ past: Past) throws {
        let store = try VectorStore<Int64>.create(
            at: scratch.store,
            configuration: .init(dimension: 100, metric: .dot),
            options: .init(durability: past == .relaxed ? .relaxed(interval: .seconds(3_600)) : .full)
        )
        var rows = ErasedRows<Int64>(dimension: 100, seed: 1)
        try rows.fill(store, (1...4_000).map { $0 })
        try rows.change(store)
        switch past {
        case .nothing: break
        case .relaxed: try store.flush()
        case .rewritten: try store.compact(.rewrite)
        case .movedInPlace: try store.compact(.inPlace)
        case .punched: try store.compact(.punch)
        case .abortedRewrite:
            #expect(throws: CancellationError.self) {
                try store.compact(.rewrite) { if $0.done > 0 { throw CancellationError() } }
            }
        }
        try rows.change(store)
        let ids = rows.halfOfTheIDs()
        let remains = rows.remains(of: ids)
        #expect(try !found(remains).isEmpty, "nothing to be erased")
        let report = try store.erase(ids + [-7])
        #expect(report.erasedRows == ids.count)
        #expect(report.zeroedBytes >= ids.count * 400)
        #expect(try found(remains) == [])
        try rows.expectSurvivors(store)
        try store.put(Remains.vector(100, &rows.generator), for: 9_999)
        try store.close()
        #expect(try remains.find(in: scratch.store) == [])
        #expect(try rawConnection(scratch.index).value("PRAGMA auto_vacuum") == .integer(2))
        let again = try VectorStore<Int64>.open(at: scratch.store)
        let last = try again.erase([9_999])
        #expect(last.erasedRows == 1 && (400..<4_096).contains(last.zeroedBytes), "\(last)")
        try rows.expectSurvivors(again)
    }

    @Test func textIDsGoToo() throws {
        let store = try VectorStore<String>.create(at: scratch.store, configuration: .init(dimension: 8, metric: .dot))
        var rows = ErasedRows<String>(dimension: 8, seed: 2)
        let names = (0..<2_000).map { _ in Remains.token(&rows.generator) }
        try rows.fill(store, names)
        try rows.change(store)
        let ids = rows.halfOfTheIDs()
        var remains = rows.remains(of: ids)
        for id in ids { remains.add(id) }
        // The staged rows of a killed rewrite contain the ids too.
        try rawConnection(scratch.index).run(
            "INSERT INTO vectors SELECT generation + 1, id, slot FROM vectors"
        )
        try store.erase(ids)
        #expect(try found(remains) == [])
        try rows.expectSurvivors(store)
    }

    /// A batch failed after its rows had been written to the file, so they lie beyond the last row.
    @Test(arguments: [nil, 3]) func theTailGoesToo(_ rowsPerTurn: Int?) throws {
        let dimension = 65_536
        let store = try VectorStore<Int64>.create(
            at: scratch.store,
            configuration: .init(dimension: dimension, metric: .dot)
        )
        var generator = SplitMix64(seed: 3)
        var remains = Remains()
        let survivor = Remains.vector(dimension, &generator)
        try store.put(survivor, for: 1)
        #expect(throws: CancellationError.self) {
            try store.write { batch in
                for id in Int64(2)...20 {
                    let vector = Remains.vector(dimension, &generator)
                    remains.add(vector)
                    try batch.put(vector, for: id)
                }
                throw CancellationError()
            }
        }
        #expect(try !found(remains).isEmpty, "nothing to be erased")
        let limits = rowsPerTurn.map { MaintenanceLimits.small(rows: $0, dimension: dimension) }
        #expect(try store.erase([], limits ?? MaintenanceLimits()).erasedRows == 0)
        #expect(try found(remains) == [])
        #expect(try store.vector(for: 1) == survivor)
        #expect(try store.verify().isSound)
    }

    /// No row is a whole number of blocks, so dead stretches have edges in blocks of live rows. Holes stay holes.
    @Test(arguments: [1_333, 1_000, 341]) func edgesGoAndHolesStay(_ dimension: Int) throws {
        let store = try VectorStore<Int64>.create(
            at: scratch.store,
            configuration: .init(dimension: dimension, metric: .dot)
        )
        var rows = ErasedRows<Int64>(dimension: dimension, seed: 4)
        try rows.fill(store, (1...400).map { $0 })
        let ids = (Int64(1)...400).filter { id in id % 50 < 30 || id % 3 == 0 }
        let remains = rows.remains(of: ids)
        try store.delete(ids)
        try store.compact(.punch)
        let allocated = try sizes(scratch.file("vectors-1.f32")).allocated
        #expect(try !found(remains).isEmpty, "the edges are gone already")
        #expect(try store.erase(ids).zeroedBytes > 0)
        #expect(try found(remains) == [])
        #expect(try sizes(scratch.file("vectors-1.f32")).allocated <= allocated)
        try rows.expectSurvivors(store)
        let again = try store.erase([])
        #expect(again.zeroedBytes == 0, "it was zero already")
    }

    /// Writers go on during the erasure, and their puts, replacements and deletions hold.
    @Test func besideAWriter() throws {
        let store = try VectorStore<Int64>.create(at: scratch.store, configuration: .init(dimension: 100, metric: .dot))
        var rows = ErasedRows<Int64>(dimension: 100, seed: 5)
        try rows.fill(store, (1...1_000).map { $0 })
        let ids = rows.halfOfTheIDs()
        let remains = rows.remains(of: ids)
        var version: Float = 0
        let survivor = try #require((1...1_000).first { rows.rows[$0] != nil })
        // Between two pieces no lock is held, so a write from here acts like one from another thread, at the worst
        // moment.
        try store.erase(ids, .small(rows: 8, dimension: 100)) { _ in
            version += 1
            try store.put([Float](repeating: version, count: 100), for: survivor, replacing: true)
            try store.put([Float](repeating: version, count: 100), for: 10_000 + Int64(version))
            if version > 1 { try store.delete(10_000 + Int64(version) - 1) }
        }
        #expect(version > 50)
        #expect(try found(remains) == [])
        for id in [survivor, 10_000 + Int64(version)] {
            #expect(try store.vector(for: id) == [Float](repeating: version, count: 100))
            rows.rows[id] = nil
        }
        try store.delete([survivor, 10_000 + Int64(version)])
        try rows.expectSurvivors(store)
    }

    /// If damage shows only after the rows were deleted, the error must not say that nothing was changed.
    @Test func damageOnceTheRowsAreDeleted() throws {
        let store = try VectorStore<Int64>.create(at: scratch.store, configuration: .init(dimension: 100, metric: .dot))
        var rows = ErasedRows<Int64>(dimension: 100, seed: 6)
        try rows.fill(store, (1...100).map { $0 })
        let error = expectError(.damaged) {
            try store.erase([7], .small(rows: 8, dimension: 100)) { _ in
                try tamper(scratch.index, "DROP TABLE IF EXISTS compaction_journal")
            }
        }
        #expect(error?.problem.hasPrefix("the rows are deleted, but not erased yet: ") == true)
        #expect(error?.problem.contains("nothing was changed") == false)
    }

    /// A child process copies the files, so the store can stay open: closing it would empty the log even if the erasure
    /// had forgotten to.
    private func found(_ remains: Remains) throws -> [String] {
        let copy = scratch.path + "/copy"
        try Program.succeed("cp", "-r", scratch.store, copy)
        defer { TestFiles.remove(copy) }
        return try remains.find(in: copy)
    }
}
