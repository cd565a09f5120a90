import Foundation
import TestSupport
import Testing

@testable import Lacuna

/// A data file is sparse, and the index claims rows all over it. The costs are bounded by the rows that there are.
@Suite struct HugeClaimTests {
    private let scratch: Scratch
    private static let slots: Int64 = 1 << 41
    private static let end = 4_096 + slots * 4

    /// Makes ten rows of one component. The last one lies in the very last slot, and everything between is a hole.
    init() throws {
        scratch = try Scratch()
        let store = try VectorStore<Int64>.create(
            at: scratch.store,
            configuration: .init(dimension: 1, metric: .euclidean)
        )
        try store.write { batch in for id in 0..<10 { try batch.put([Float(id)], for: Int64(id)) } }
        try store.close()
        try edit(scratch.file("vectors-1.f32")) { file in
            try file.truncate(atOffset: UInt64(Self.end))
            try file.seek(toOffset: UInt64(Self.end - 4))
            let row = [Float(9)]
            try file.write(contentsOf: unsafe row.withUnsafeBytes { unsafe Data($0) })
        }
        try tamper(
            scratch.index,
            "UPDATE store SET next_slot = \((Self.end - 4_096) / 4)",
            "UPDATE vectors SET slot = \((Self.end - 4_100) / 4) WHERE id = 9"
        )
        try tellRun(scratch.index, Int((Self.end - 4_100) / 4), 9, [9])
    }

    private func expectRows(_ store: VectorStore<Int64>, except dead: Int64? = nil, isSound: Bool = false) throws {
        let ids = (0..<10).filter { $0 != dead }
        #expect(try store.ids() == ids)
        for id in ids { #expect(try store.vector(for: id) == [Float(id)]) }
        #expect(try store.search(for: [9], limit: 1).map(\.id) == [9])
        let report = try store.verify()
        // The index doesn't mark all these slots as dead.
        #expect(report.indexMessages.count == (isSound ? 0 : 1))
        #expect(report.badChecksums.isEmpty && report.outOfBounds.isEmpty && report.sharedOffsets.isEmpty)
    }

    @Test(.timeLimit(.minutes(40))) func reading() throws {
        let store = try VectorStore<Int64>.open(at: scratch.store, access: .readOnly)
        try expectRows(store)
        let space = try store.space
        #expect(space.liveRows == 10 && Int64(space.deadRows) == Self.slots - 10)
        #expect(space.punchableBytes < 1 << 20)
        for strategy in CompactionStrategy.allCases { _ = try store.compactionPlan(strategy) }
        for count in [1, 7, 1_000, Int.max] {
            let buckets = try store.slotMap(buckets: count)
            #expect(buckets.count <= min(count, 1 << 20))
            #expect(buckets.reduce(0) { $0 + $1.liveRows } == 10)
            #expect(buckets.last?.slots.upperBound == Int(Self.slots))
            #expect(buckets.last?.liveRows == (count == 1 ? 10 : 1))
        }
    }

    @Test(.timeLimit(.minutes(40)), arguments: [CompactionStrategy.rewrite, .inPlace, .punch, .auto])
    func compacting(_ strategy: CompactionStrategy) throws {
        let store = try VectorStore<Int64>.open(at: scratch.store)
        let report = try store.compact(strategy)
        #expect(report.liveRows == 10)
        let isCut = try store.space.logicalBytes < 1 << 21
        try expectRows(store, isSound: isCut)
        if strategy == .rewrite || strategy == .inPlace { #expect(isCut) }
        try store.put([3.5], for: 3, replacing: true)
        #expect(try store.vector(for: 3) == [3.5])
    }

    @Test(.timeLimit(.minutes(40))) func erasing() throws {
        let store = try VectorStore<Int64>.open(at: scratch.store)
        #expect(try store.erase([4]).erasedRows == 1)
        try expectRows(store, except: 4)
        try store.close()
        // Reads the row's four bytes; the bytes beyond were never written.
        let file = try #require(FileHandle(forReadingAtPath: scratch.file("vectors-1.f32")))
        try file.seek(toOffset: 4_096 + 4 * 4)
        #expect(try file.read(upToCount: 4) == Data([0, 0, 0, 0]))
    }

    /// The bytes beyond the rows are zeroed too, and are a hole here.
    @Test(.timeLimit(.minutes(40))) func erasingBeforeALongTail() throws {
        try tamper(
            scratch.index,
            "UPDATE store SET next_slot = 10",
            "UPDATE vectors SET slot = 9 WHERE id = 9"
        )
        let store = try VectorStore<Int64>.open(at: scratch.store)
        #expect(try store.erase([4]).erasedRows == 1)
        try expectRows(store, except: 4, isSound: true)
        let file = try #require(FileHandle(forReadingAtPath: scratch.file("vectors-1.f32")))
        try file.seek(toOffset: UInt64(Self.end - 4))
        #expect(try file.read(upToCount: 4) == Data([0, 0, 0, 0]), "a row that somebody left there")
    }

    @Test(.timeLimit(.minutes(40)), arguments: [true, false]) func salvaging(_ hasIndex: Bool) throws {
        if !hasIndex { try remove(scratch.index) }
        var rows: [SalvagedRow] = []
        let report = try VectorStoreRecovery.salvage(at: scratch.store) { rows.append($0) }
        #expect(report.verified == (hasIndex ? 10 : 0))
        // Row 0 is all zeros, as a hole is; row 9 is there twice.
        if !hasIndex { #expect(rows.map(\.vector) == (1..<10).map { [Float($0)] } + [[9]]) }
    }

    /// A length that can't be mapped is an error, and doesn't end the process.
    @Test(.timeLimit(.minutes(40))) func moreThanCanBeMapped() throws {
        try tamper(scratch.index, "UPDATE store SET next_slot = \(1 << 44)")
        expectError(.damaged) { try VectorStore<Int64>.open(at: scratch.store) }
        let file = try DataFile.open("vectors-1.f32", in: Directory(scratch.store), .read, SystemFileSystem())
        expectError(.damaged) { try file.view(upTo: Slot(1 << 44)) }
    }

    @Test(.timeLimit(.minutes(40))) func aLogOfATerabyteIsNotCopied() throws {
        try edit(scratch.index) { try $0.truncate(atOffset: 1 << 40) }
        _ = FileManager.default.createFile(atPath: scratch.index + "-wal", contents: nil)
        try edit(scratch.index + "-wal") { try $0.truncate(atOffset: 1 << 40) }
        let paths = try StorePaths(scratch.store)
        let source = try IndexCopy(paths, SystemFileSystem(), skippingUnreadable: true)
        let copy = source.directory.path("index.sqlite")
        #expect(try sizes(copy).allocated < 1 << 20)
        #expect(try sizes(copy).length == 1 << 40)
        #expect(try sizes(copy + "-wal").length == 0)
        #expect(try VectorStoreRecovery.salvage(at: scratch.store) { _ in }.verified == 10)
    }
}

/// Compares the bitmap with a set.
@Suite struct LiveBitmapTests {
    @Test(arguments: [UInt64(1), 2, 3]) func isASetOfSlots(_ seed: UInt64) {
        var random = SplitMix64(seed: seed)
        for count in [0, 1, 63, 64, 511, 512, 513, 5_000, 1 << 40] {
            let slots = Slot(count)
            var bitmap = LiveBitmap(slots: slots)
            var live: Set<Slot> = []
            for _ in 0..<(count == 0 ? 0 : 300) {
                // Far apart, and close together.
                let near = Int.random(in: 0..<min(count, 700), using: &random)
                let slot = Slot(Bool.random(using: &random) ? near : Int.random(in: 0..<count, using: &random))
                #expect(bitmap.insert(slot) == live.insert(slot).inserted)
            }
            bitmap.finish()
            let sorted = live.sorted()
            #expect(bitmap.liveCount == sorted.count)
            #expect(bitmap.end == sorted.last?.advanced(by: 1) ?? Slot(0))
            for probe in sorted.flatMap({ [$0.advanced(by: -1), $0, $0.advanced(by: 1)] })
            where (Slot(0)..<slots).contains(probe) {
                #expect(bitmap[probe] == live.contains(probe))
                #expect(bitmap.rank(probe) == sorted.partitioningIndex { $0 >= probe })
                #expect(bitmap.first(from: probe, live: true) == sorted.first { $0 >= probe } ?? slots)
                let dead = Slot((probe.number...).first { !live.contains(Slot($0)) } ?? count)
                #expect(bitmap.first(from: probe, live: false) == min(dead, slots))
            }
            #expect(bitmap.rank(slots) == sorted.count)
            var dead: [Range<Slot>] = []
            var runs: [Range<Slot>] = []
            bitmap.forEachStretch(live: false) { dead.append($0) }
            bitmap.forEachStretch(live: true) { runs.append($0) }
            #expect(runs.flatMap(Array.init) == sorted)
            let all = (dead + runs).sorted { $0.lowerBound < $1.lowerBound }
            #expect(all.first?.lowerBound ?? Slot(0) == Slot(0) && all.last?.upperBound ?? Slot(0) == slots)
            #expect(zip(all, all.dropFirst()).allSatisfy { $0.upperBound == $1.lowerBound })
            #expect(abs(dead.count - runs.count) <= 1)
        }
    }
}
