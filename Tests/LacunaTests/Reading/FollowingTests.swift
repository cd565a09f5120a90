// The bug story: a reader remembered each row's slot for as long as the generation lasted. A compaction in place filled
// the gaps, and the reader returned other ids' rows.

import TestSupport
import Testing

@testable import Lacuna

/// A handle that only reads keeps ids in memory, and follows what the writing handle commits.
@Suite(.timeLimit(.minutes(40))) struct FollowingTests {
    private static func vector(_ id: Int64, _ version: Int = 0) -> [Float] { [Float(id), Float(version), 1, 2] }

    private let scratch: Scratch
    private let writer: VectorStore<Int64>
    private let reader: VectorStore<Int64>

    init() throws {
        scratch = try Scratch()
        writer = try VectorStore<Int64>.create(
            at: scratch.store,
            configuration: .init(dimension: 4, metric: .euclidean)
        )
        try writer.write { batch in for id in Int64(0)..<300 { try batch.put(Self.vector(id), for: id) } }
        reader = try VectorStore<Int64>.open(at: scratch.store, access: .readOnly)
        try fill()
    }

    /// Reads until the handle answers from memory.
    private func fill() throws {
        let ids = try #require(reader.memory.rowIDs)
        for _ in 0..<1_000 where ids.contains(RowKey(1)) == nil {
            _ = try reader.vector(for: 1)
            ids.finishFilling()
        }
        #expect(ids.contains(RowKey(1)) != nil)
    }

    /// Whether the memory answers, if necessary after a step to the newest state.
    private var isAnswering: Bool {
        reader.memory.rowIDs?.contains(RowKey(1)) != nil || reader.memory.rowIDs?.refresh() == true
    }

    private func expectSame() throws {
        let ids = try writer.ids()
        #expect(try reader.ids() == ids)
        for id in Int64(0)..<310 {
            let row = try writer.read { try $0.vector(for: id) }
            #expect(try reader.vector(for: id) == row)
            #expect(try reader.contains(id) == (row != nil))
            #expect(try reader.withVector(for: id) { $0[0] } == row?[0])
            guard let row else { continue }
            #expect(try reader.search(for: row, limit: 1).map(\.id) == [id])
        }
    }

    @Test func itFollowsPutsReplacementsAndDeletes() throws {
        try expectSame()
        try writer.put(Self.vector(300), for: 300)
        try writer.put(Self.vector(7, 1), for: 7, replacing: true)
        try writer.delete([8, 9, 299])
        #expect(isAnswering)
        try expectSame()
        try writer.put(Self.vector(8, 2), for: 8)
        try writer.write { batch in
            batch.delete(10)
            try batch.put(Self.vector(10, 3), for: 10)
            try batch.put(Self.vector(11, 3), for: 11, replacing: true)
            batch.delete(11)
        }
        #expect(isAnswering)
        try expectSame()
    }

    @Test(arguments: [CompactionStrategy.rewrite, .inPlace, .punch]) func itFollowsCompactions(
        _ strategy: CompactionStrategy
    ) throws {
        try writer.delete(Array(20..<200))
        try expectSame()
        try writer.compact(strategy)
        try expectSame()
        try fill()
        try writer.put(Self.vector(30, 1), for: 30)
        try expectSame()
    }

    /// A shell deletes rows without counting its commit in the store's record.
    @Test func itNoticesAnotherProgram() throws {
        try rawConnection(scratch.index).run("DELETE FROM vectors WHERE id IN (5, 6)")
        try expectSame()
        try writer.put(Self.vector(301), for: 301)
        try expectSame()
    }

    /// An erasure writes the whole database anew, in a transaction without a number.
    @Test func itFollowsAnErasure() throws {
        #expect(try writer.erase([5, 6]).erasedRows == 2)
        try expectSame()
        try writer.put(Self.vector(301), for: 301)
        try expectSame()
    }

    /// A reader that has only just read doesn't keep rows from being moved.
    @Test func anIdleReaderHoldsNothing() throws {
        try writer.delete(Array(20..<200))
        for id in Int64(0)..<20 { #expect(try reader.vector(for: id) == Self.vector(id)) }
        let limits = MaintenanceLimits(drainSeconds: 2)
        _ = try writer.writing().maintain(Pace { _ in }, limits) { try InPlace(maintenance: $0).run() }
        try expectSame()
    }

    /// A row that is held stays where it is.
    @Test func aHeldRowIsWaitedFor() throws {
        try writer.delete(Array(20..<200))
        #expect(isAnswering)
        try reader.withVector(for: 299) { row in
            let limits = MaintenanceLimits(drainSeconds: 0.05)
            expectError(.busy) {
                try writer.writing().maintain(Pace { _ in }, limits) { try InPlace(maintenance: $0).run() }
            }
            #expect(row[0] == 299)
        }
        try writer.compact(.inPlace)
        try expectSame()
    }

    @Test func aClosedHandleAnswersNothing() throws {
        try reader.close()
        expectError(.closed) { try reader.vector(for: 1) }
        expectError(.closed) { try reader.contains(1) }
    }

    /// Reads with a handle that stays open between the moves of a compaction in place. Returns the first wrong answer,
    /// or nil.
    static func wrongRowAfterMoves() throws -> String? {
        let tests = try FollowingTests()
        try tests.writer.delete(Array(0..<150))
        _ = try tests.reader.vector(for: 299)
        var wrong: String?
        try tests.writer.compact(.inPlace) { _ in
            for id in Int64(150)..<300 where try tests.reader.vector(for: id) != vector(id) {
                wrong = "the row of id \(id)"
            }
        }
        return wrong
    }

    @Test func rowsThatMoveAreFollowed() throws { #expect(try Self.wrongRowAfterMoves() == nil) }
}
