import Foundation
import Lacuna
import TestSupport
import Testing

/// The space that deleting leaves and compacting gives back, as the file system counts it.
@Suite struct SpaceTests {
    let scratch: Scratch

    init() throws { scratch = try Scratch() }

    private func makeStore(dimension: Int, rows: Int) throws -> (VectorStore<Int64>, StoreModel<Int64>) {
        let store = try VectorStore<Int64>.create(at: scratch.store, configuration: .init(dimension: dimension))
        var random = SplitMix64(seed: 7)
        var model = StoreModel<Int64>()
        try store.write { batch in
            for id in 0..<Int64(rows) {
                let vector = random.floats(dimension)
                try batch.put(vector, for: id)
                model.put(vector, for: id, json: nil)
            }
        }
        return (store, model)
    }

    /// The most that a file may hold beyond its rows: a step of preallocation, in whole rows.
    private func step(_ rowBytes: Int64, _ stride: Int64) -> Int64 {
        max(2 * min(4 << 20, max(256 << 10, rowBytes / 8)), stride)
    }

    /// Other stores return early if no row is live, and never shrink again.
    @Test(arguments: [CompactionStrategy.rewrite, .inPlace, .auto]) func anEmptiedStoreShrinks(
        _ strategy: CompactionStrategy
    ) throws {
        let (store, _) = try makeStore(dimension: 64, rows: 5_000)
        #expect(try store.fragmentation == 0)
        #expect(try store.delete(try store.ids()) == 5_000)
        #expect(try store.fragmentation == 1)
        #expect(try store.space.fragmentation == 1)
        let before = try sizes(scratch.file("vectors-1.f32"))
        #expect(before.allocated >= 5_000 * 256)
        let report = try store.compact(strategy)
        // There is nothing to copy, so the automatic choice is to cut the file.
        let expected = strategy == .auto ? .inPlace : strategy
        #expect(report.strategy == expected && report.liveRows == 0 && report.movedRows == 0)
        let name = expected == .rewrite ? "vectors-2.f32" : "vectors-1.f32"
        let after = try sizes(scratch.file(name))
        #expect(after.length == 4_096)
        #expect(after.allocated <= step(0, 256))
        #expect(report.logicalBytesAfter == after.length && report.allocatedBytesAfter == after.allocated)
        #expect(report.allocatedBytesBefore == before.allocated)
        #expect(try scratch.names().filter { $0.hasPrefix("vectors") } == [name])
        #expect(try store.fragmentation == 0)
        #expect(try rawConnection(scratch.index).value("SELECT next_slot FROM store") == 0)
        try store.put([Float](repeating: 1, count: 64), for: 1)
        try store.close()
        let again = try VectorStore<Int64>.open(at: scratch.store)
        #expect(try again.ids() == [1])
        #expect(try again.verify().isSound)
    }

    /// If rows smaller than a block were punched one by one, nothing would be freed.
    @Test func deadRunsOfSmallRowsArePunchedTogether() throws {
        var (store, model) = try makeStore(dimension: 96, rows: 6_000)
        let stride: Int64 = 384
        // The order and the batches have nothing to do with the rows' places.
        var dead = Array(Int64(500)..<3_500) + Array(4_000..<4_005)
        var random = SplitMix64(seed: 11)
        dead.shuffle(using: &random)
        for begin in Swift.stride(from: 0, to: dead.count, by: 601) {
            try store.delete(Array(dead[begin..<min(begin + 601, dead.count)]))
        }
        for id in dead { model.delete(id) }
        let before = try sizes(scratch.file("vectors-1.f32"))
        let report = try store.compact(.punch)
        let after = try sizes(scratch.file("vectors-1.f32"))
        #expect(report.strategy == .punch && report.movedRows == 0)
        #expect(after.length == before.length)
        // The long stretch is freed but for a part of a block at each end; the five rows behind it cover no block.
        let freed = before.allocated - after.allocated
        #expect(freed >= 3_000 * stride - 2 * 4_096 && freed <= 3_000 * stride)
        #expect(report.allocatedBytesBefore - report.allocatedBytesAfter == freed)
        #expect(try store.space.punchableBytes == 0)
        try expectSame(store, model, scratch.store)
        // The gap's first and last block hold live rows: those beside it are untouched. The whole blocks are zeros.
        let bytes = try read(scratch.file("vectors-1.f32"))
        let gap = Int(4_096 + 500 * stride + 4_096)..<Int(4_096 + 3_500 * stride - 4_096)
        #expect(bytes[gap].allSatisfy { $0 == 0 })
        #expect(try store.compact(.punch).strategy == nil)
    }

    @Test func punchingTakesInRowsThatDiedEarlier() throws {
        let (store, _) = try makeStore(dimension: 256, rows: 1_000)
        try store.delete(Array(stride(from: Int64(0), to: 800, by: 2)))
        // Every second row of 1 KiB is dead, so each block has live rows.
        #expect(try store.compact(.punch).strategy == nil)
        try store.delete(Array(stride(from: Int64(1), to: 800, by: 2)))
        let plan = try store.compactionPlan(.punch)
        let report = try store.compact(.punch)
        #expect(report.allocatedBytesBefore - report.allocatedBytesAfter == 800 * 1_024)
        #expect(plan.strategy == .punch && plan.reclaimedBytes == 800 * 1_024)
        #expect(try store.count == 200)
        #expect(try store.verify().isSound)
    }

    @Test func rewriteGivesBackWhatItReports() throws {
        var (store, model) = try makeStore(dimension: 128, rows: 8_000)
        let dead = (Int64(0)..<8_000).filter { $0 % 4 != 1 }
        try store.delete(dead)
        for id in dead { model.delete(id) }
        let plan = try store.compactionPlan()
        #expect(plan.strategy == .rewrite && plan.movedRows == 2_000 && plan.neededBytes == 4_096 + 2_000 * 512)
        let before = try sizes(scratch.file("vectors-1.f32"))
        let report = try store.compact()
        model.rewrite()
        let after = try sizes(scratch.file("vectors-2.f32"))
        #expect(report.movedRows == 2_000 && report.writtenBytes == 4_096 + 2_000 * 512)
        #expect(report.allocatedBytesBefore == before.allocated && report.allocatedBytesAfter == after.allocated)
        #expect(after.allocated <= 4_096 + 2_000 * 512 + step(2_000 * 512, 512))
        #expect(report.generation == 2)
        try expectSame(store, model, scratch.store)
    }

    /// Other stores made a new gap, or a longer file, when they were opened and closed.
    @Test func aCleanReopenChangesNothing() throws {
        var (store, _) = try makeStore(dimension: 32, rows: 100)
        try store.delete([3, 4, 5])
        try store.close()
        let before = try scratch.contents()
        for _ in 0..<3 {
            store = try .open(at: scratch.store)
            #expect(try store.count == 97)
            #expect(try store.space.deadRows == 3)
            try store.close()
        }
        #expect(try scratch.contents()["vectors-1.f32"] == before["vectors-1.f32"])
        #expect(try scratch.contents().keys.sorted() == before.keys.sorted())
    }

    @Test func anUpdateWritesANewRowAndLeavesTheOldOne() throws {
        let store = try VectorStore<Int64>.create(at: scratch.store, configuration: .init(dimension: 2))
        try store.put([1, 2], for: 1, metadataJSON: #"{"a":1}"#)
        try store.put([3, 4], for: 2)
        try store.put([5, 6], for: 1, replacing: true)
        let index = try rawConnection(scratch.index)
        #expect(
            try index.rows(2, "SELECT id, byte_offset FROM vector_index ORDER BY id") == [[1, 4_112], [2, 4_104]]
        )
        let bytes = try read(scratch.file("vectors-1.f32"))
        // 1.0, 2.0, 3.0, … as IEEE 754 lays them out, little-endian.
        let rows: [UInt8] = [
            0, 0, 0x80, 0x3F, 0, 0, 0, 0x40, 0, 0, 0x40, 0x40, 0, 0, 0x80, 0x40, 0, 0, 0xA0, 0x40, 0, 0, 0xC0, 0x40,
        ]
        #expect(Array(bytes[4_096..<4_120]) == rows)
        #expect(try store.metadataJSON(for: 1) == #"{"a":1}"#)
        #expect(try store.vector(for: 1) == [5, 6])
    }

    @Test func rowsAreCopiedInOffsetOrder() throws {
        let store = try VectorStore<String>.create(at: scratch.store, configuration: .init(dimension: 1))
        // The rows are put in an order that is neither that of the ids nor that of a hash.
        let ids = ["m", "c", "z", "a", "q", "b", "x", "d"]
        for (value, id) in ids.enumerated() { try store.put([Float(value)], for: id) }
        try store.delete(["c", "q"])
        try store.put([100], for: "z", replacing: true)
        #expect(try store.compact(.rewrite).strategy == .rewrite)
        let slots = try rawConnection(scratch.index).rows(2, "SELECT id, slot FROM vector_index ORDER BY slot")
        #expect(slots == [["m", 0], ["a", 1], ["b", 2], ["x", 3], ["d", 4], ["z", 5]])
        #expect(try store.vector(for: "z") == [100])
    }

    /// A vacuum without the auto-vacuum setting leaves free pages that no incremental vacuum can give back.
    @Test func compactionEndsWhereTheIndexCantShrink() throws {
        let (store, _) = try makeStore(dimension: 4, rows: 3_000)
        try store.close()
        try tamper(scratch.index, "PRAGMA auto_vacuum = NONE", "VACUUM")
        #expect(try rawConnection(scratch.index).value("PRAGMA auto_vacuum") == 0)
        let again = try VectorStore<Int64>.open(at: scratch.store)
        try again.delete(Array(0..<2_900))
        #expect(try again.compact(.rewrite).strategy == .rewrite)
        #expect(try again.ids() == Array(2_900..<3_000))
    }

    @Test func fourMebibytesOfRowsNeedManyBatchesOfMemoryAtMost() throws {
        let store = try VectorStore<Int64>.create(at: scratch.store, configuration: .init(dimension: 65_536))
        // 12 rows of 256 KiB in one batch: the buffer of pending rows is written three times.
        try store.write { batch in
            for id in Int64(0)..<40 { try batch.put([Float](repeating: Float(id), count: 65_536), for: id) }
        }
        try store.delete(Array(0..<20))
        try store.compact(.rewrite)
        for id in Int64(20)..<40 {
            let sums = try store.withVector(for: id) { row in row.indices.reduce(into: 0.0) { $0 += Double(row[$1]) } }
            #expect(sums == Double(id) * 65_536)
        }
        #expect(try store.verify().rows == 20)
    }
}
