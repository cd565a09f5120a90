import Foundation
import Lacuna
import TestSupport
import Testing

/// Values that no version of Lacuna wrote lead to an error, and never to a trap.
@Suite(.timeLimit(.minutes(40))) struct HostileIndexTests {
    let scratch: Scratch

    /// A closed store with ten rows of 16 bytes, every one alive.
    init() throws {
        scratch = try Scratch()
        let store = try VectorStore<Int64>.create(at: scratch.store, configuration: .init(dimension: 4))
        try store.write { batch in
            for id in Int64(0)..<10 { try batch.put([1, 2, 3, Float(id)], for: id, metadataJSON: #"{"n":\#(id)}"#) }
        }
        try store.close()
    }

    static let fields = [
        "dimension = 0", "dimension = -1", "dimension = 65537", "dimension = 9223372036854775807",
        "dimension = -9223372036854775808",
        "dimension = 3", "dimension = 8", "next_slot = 0", "next_slot = -1", "next_slot = 9",
        "next_slot = 9223372036854775807", "next_slot = -9223372036854775808", "next_slot = 2305843009213693952",
        "next_slot = 68719476736", "next_slot = 17592186044417", "moved = -1", "moved = 9223372036854775807",
        "element = 'float16'", "element = ''",
        "data_file = '../../etc/passwd'", "data_file = ''", "data_file = 'index.sqlite'", "data_file = 'vectors-2.f32'",
        "data_file = 'vectors-01.f32'", "data_file = 'vectors-1.f32' || char(0)", "data_file = '/dev/zero'",
        "generation = 0", "generation = -1", "generation = 2", "generation = 9223372036854775807",
        "generation = 9223372036854775807, next_generation = 9223372036854775807",
        "generation = 2, next_generation = 3, data_file = 'vectors-2.f32'", "next_generation = 1",
        "next_generation = 0",
        "next_generation = 9223372036854775807", "uuid = ''", "uuid = 'garbage'",
        "uuid = '00000000-0000-0000-0000-000000000000'",
        "uuid = 'zzzzzzzz-zzzz-zzzz-zzzz-zzzzzzzzzzzz'", "metric = 'manhattan'", "id_kind = 'blob'", "id_kind = ''",
        "commit_sequence = -1", "commit_sequence = 9223372036854775807", "reader_epoch = -1",
        "reader_epoch = 9223372036854775807",
        "live_rows = -1", "live_rows = 9223372036854775807", "live_rows = 11",
    ]

    @Test(arguments: fields) func aBadFieldOfTheRecordIsDamage(_ change: String) throws {
        try tamper(scratch.index, "UPDATE store SET \(change)")
        for access in [VectorStoreAccess.readWrite, .readOnly] {
            expectError(.damaged, change) { try VectorStore<Int64>.open(at: scratch.store, access: access) }
        }
        #expect(try VectorStoreRecovery.recover(at: scratch.store).state == .damaged)
        #expect(try scratch.names().filter { $0.hasSuffix(".f32") } == ["vectors-1.f32"])
    }

    /// The next slot lies far beyond the rows, and the file has a hole of that length. Memory depends on the rows that
    /// there are.
    @Test func aHugeFileOfFewRowsIsSearched() throws {
        let end = 4_096 + Int64(1) << 38
        try tamper(scratch.index, "UPDATE store SET next_slot = \(Int64(1) << 34)")
        try edit(scratch.file("vectors-1.f32")) { try $0.truncate(atOffset: UInt64(end)) }
        let store = try VectorStore<Int64>.open(at: scratch.store)
        #expect(try store.search(for: [1, 2, 3, 7], limit: 1).map(\.id) == [7])
    }

    @Test(arguments: [
        "DELETE FROM store", "DROP TABLE store", "DROP TABLE vectors", "DROP TABLE compaction_journal",
        "DROP TABLE metadata",
        "ALTER TABLE vectors RENAME COLUMN slot TO s", "ALTER TABLE store RENAME COLUMN next_slot TO n",
        "PRAGMA user_version = 0", "PRAGMA user_version = -5",
    ])
    func aBrokenSchemaIsDamage(_ change: String) throws {
        try tamper(scratch.index, change)
        for access in [VectorStoreAccess.readWrite, .readOnly] {
            expectError(.damaged, change) {
                let store = try VectorStore<Int64>.open(at: scratch.store, access: access)
                _ = try store.vector(for: 1)
                _ = try store.search(for: [1, 2, 3, 4], limit: 3)
                _ = try store.metadataJSON(for: 1)
                if access == .readWrite { try store.compact(.rewrite) }
                let report = try store.verify()
                if !report.isSound { throw VectorStoreError(.damaged, "verify") }
            }
        }
    }

    static let slots: [Int64] = [-1, 10, 11, 1_000, .max, .max - 3, .min, 1 << 40, 1 << 44]

    /// Other stores dropped such rows without an error.
    @Test(arguments: slots) func aBadSlotStopsCompactionAndNamesTheID(_ slot: Int64) throws {
        try tamper(scratch.index, "UPDATE vectors SET slot = \(slot) WHERE id = 4")
        let data = try read(scratch.file("vectors-1.f32"))
        let store = try VectorStore<Int64>.open(at: scratch.store)
        #expect(expectError(.damaged) { try store.vector(for: 4) }?.ids == ["4"])
        #expect(expectError(.damaged) { try store.withVector(for: 4) { _ in } }?.ids == ["4"])
        #expect(expectError(.damaged) { try store.search(for: [1, 2, 3, 4], limit: 3) }?.ids == ["4"])
        #expect(expectError(.damaged) { try store.forEach { _ in } }?.ids == ["4"])
        #expect(try store.vector(for: 5) == [1, 2, 3, 5])
        #expect(try store.verify().outOfBounds == [4])
        try store.delete(9)
        for strategy in CompactionStrategy.allCases {
            #expect(expectError(.damaged) { try store.compact(strategy) }?.ids == ["4"])
        }
        expectError(.damaged) { try store.space }
        expectError(.damaged) { try store.compactionPlan() }
        #expect(try store.ids() == Array(0..<9))
        #expect(try store.info.generation == 1)
        #expect(try read(scratch.file("vectors-1.f32")) == data)
        #expect(try scratch.names().filter { $0.hasSuffix(".f32") } == ["vectors-1.f32"])
        // The remedy is to delete the row, or to put it anew.
        try store.put([0, 0, 0, 1], for: 4, replacing: true)
        #expect(try store.compact(.rewrite).liveRows == 9)
        #expect(try store.verify().isSound)
    }

    @Test func aSharedSlotStopsCompactionAndNamesTheIDs() throws {
        try tamper(scratch.index, "UPDATE vectors SET slot = (SELECT slot FROM vectors WHERE id = 2) WHERE id = 6")
        let store = try VectorStore<Int64>.open(at: scratch.store)
        #expect(try store.verify().sharedOffsets == [2, 6])
        try store.delete(9)
        #expect(expectError(.damaged) { try store.compact(.rewrite) }?.ids == ["2", "6"])
        #expect(try store.ids() == Array(0..<9))
    }

    /// The table `dead` marks slots as dead that writers fill later. No row that the table of ids names may be cut off.
    @Test func slotsThatAreDeadBeforeTheyAreFilledLoseNoRow() throws {
        try tamper(scratch.index, "INSERT INTO dead VALUES (\(Int64(1) << 44), 1, \(Self.deadFrom(10)))")
        let store = try VectorStore<Int64>.open(at: scratch.store)
        try store.delete([2, 3, 4])
        var hasPut = false
        var left: Set<Int64> = Set([0, 1] + (5..<10))
        do {
            try store.compact(.inPlace) { _ in
                if hasPut { return }
                hasPut = true
                for id in Int64(20)..<22 {
                    try store.put([1, 2, 3, Float(id)], for: id)
                    left.insert(id)
                }
            }
        } catch let error as VectorStoreError { #expect(error.code == .damaged, "\(error)") }
        #expect(hasPut)
        #expect(try Set(store.ids()) == left)
        for id in left { #expect(try store.vector(for: id) == [1, 2, 3, Float(id)]) }
        for id in left { #expect(try store.search(for: [1, 2, 3, Float(id)], limit: 20).contains { $0.id == id }) }
        // A rewrite repairs the table, or says that it can't.
        do { try store.compact(.rewrite) } catch let error as VectorStoreError { #expect(error.code == .damaged) }
        for id in left { #expect(try store.vector(for: id) == [1, 2, 3, Float(id)]) }
    }

    /// The bits of a chunk whose slots are dead from `slot` on.
    private static func deadFrom(_ slot: Int) -> String {
        let bytes = (0..<2_048).map { byte -> UInt8 in
            (0..<8).reduce(0) { byte * 8 + $1 >= slot ? $0 | 1 << $1 : $0 }
        }
        return "x'" + bytes.map { String(format: "%02x", $0) }.joined() + "'"
    }

    /// A rewrite succeeds though another program has deleted rows, or `dead` has lost slots.
    @Test func aRewriteGoesByTheTableOfIDs() throws {
        do {
            let store = try VectorStore<Int64>.open(at: scratch.store)
            try store.delete([2, 3])
            try store.close()
        }
        try tamper(
            scratch.index,
            "DELETE FROM dead",
            "DELETE FROM vectors WHERE id = 5",
            "DELETE FROM metadata WHERE id = 5"
        )
        let store = try VectorStore<Int64>.open(at: scratch.store)
        #expect(try store.search(for: [1, 2, 3, 5], limit: 20).count == 7)
        #expect(try store.compact(.rewrite).liveRows == 7)
        #expect(try store.ids() == [0, 1, 4, 6, 7, 8, 9])
        #expect(try store.verify().isSound)
    }

    /// Rows of two generations must not have the same numbers in the index.
    @Test func aGenerationThatIsLikeTheCurrentOneIsPassedOver() throws {
        try tamper(scratch.index, "UPDATE store SET next_generation = \(1 + 1 << 19)")
        let store = try VectorStore<Int64>.open(at: scratch.store)
        try store.delete(9)
        #expect(try store.compact(.rewrite).generation == 2 + 1 << 19)
        #expect(try store.verify().isSound)
        for id in Int64(0)..<9 { #expect(try store.search(for: [1, 2, 3, Float(id)], limit: 9).count == 9) }
    }

    @Test func aChangedRowStopsCompactionAndNamesTheID() throws {
        try edit(scratch.file("vectors-1.f32")) { file in
            try file.seek(toOffset: 4_096 + 16 * 7 + 5)
            try file.write(contentsOf: [0x55])
        }
        let store = try VectorStore<Int64>.open(at: scratch.store)
        try store.delete(0)
        #expect(try store.verify().badChecksums == [7])
        #expect(expectError(.damaged) { try store.compact(.rewrite) }?.ids == ["7"])
        #expect(expectError(.damaged) { try store.forEach { _ in } }?.ids == ["7"])
        #expect(try store.ids() == Array(1..<10))
        #expect(try scratch.names().filter { $0.hasSuffix(".f32") } == ["vectors-1.f32"])
        let state = try rawConnection(scratch.index).value("SELECT state FROM compaction_history")
        #expect(state == "aborted")
        try store.delete(7)
        #expect(try store.compact(.rewrite).liveRows == 8)
    }

    @Test func swappedRowsAreNoticed() throws {
        // Each row is whole, but not this id's: the checksum covers both.
        try tamper(
            scratch.index,
            "UPDATE vectors SET slot = 8000 WHERE id = 1",
            "UPDATE vectors SET slot = 1 WHERE id = 2",
            "UPDATE vectors SET slot = 2 WHERE id = 1"
        )
        let store = try VectorStore<Int64>.open(at: scratch.store)
        #expect(try store.verify().badChecksums == [1, 2])
        try store.delete(0)
        #expect(expectError(.damaged) { try store.compact(.rewrite) }?.ids == ["1", "2"])
    }

    @Test func changedMetadataAreNoticed() throws {
        try tamper(
            scratch.index,
            "UPDATE metadata SET json = '{\"n\":100}' WHERE id = 3",
            "UPDATE metadata SET checksum = -1 WHERE id = 4",
            "INSERT INTO metadata VALUES (77, '{}', 0)",
            "UPDATE metadata SET json = CAST(x'7bff7d' AS TEXT) WHERE id = 5"
        )
        let store = try VectorStore<Int64>.open(at: scratch.store)
        #expect(try store.verify().badMetadata == [3, 4, 5, 77])
        expectError(.damaged) { try store.metadataJSON(for: 5) }
    }

    @Test(
        arguments: [
            "id = 'text'", "id = 1.5", "id = x'00'", "generation = 99", "generation = -1",
        ]
    )
    func badRowsOfTheIndexAreNoticed(_ change: String) throws {
        try tamper(scratch.index, "UPDATE vectors SET \(change) WHERE id = 3")
        let store = try VectorStore<Int64>.open(at: scratch.store)
        let report = try store.verify()
        #expect(!report.isSound)
        worksOrRefuses(change) { _ = try store.vector(for: 3) }
        worksOrRefuses(change) { _ = try store.ids() }
        worksOrRefuses(change) { _ = try store.search(for: [1, 2, 3, 4], limit: 20) }
        worksOrRefuses(change) { try store.forEach { _ in } }
        try store.delete(9)
        worksOrRefuses(change) { try store.compact(.rewrite) }
        #expect(try store.vector(for: 5) == [1, 2, 3, 5])
    }

    @Test(arguments: [
        "strategy = 'magic'", "state = 'asleep'", "source_file = '../../x', state = 'committed'",
        "target_file = '../x', state = 'copying'",
        "source_file = 'vectors-1.f32', target_generation = 1, state = 'aborted', target_file = 'vectors-1.f32'",
        "source_generation = -9223372036854775808", "target_generation = 9223372036854775807, state = 'committed'",
        "state = 'moving'",
        "state = 'erasing'", "source_generation = 7, state = 'copying'",
    ])
    func aBadJournalNeverLosesTheDataFile(_ change: String) throws {
        try tamper(
            scratch.index,
            """
            INSERT INTO compaction_journal (strategy, state, source_generation, source_file, rows_live, allocated_before)
            VALUES ('rewrite', 'finished', 1, 'vectors-1.f32', 10, 0)
            """,
            "UPDATE compaction_journal SET \(change)"
        )
        let data = try read(scratch.file("vectors-1.f32"))
        worksOrRefuses(change) { try VectorStore<Int64>.open(at: scratch.store).close() }
        worksOrRefuses(change) { _ = try VectorStoreRecovery.recover(at: scratch.store) }
        #expect(try read(scratch.file("vectors-1.f32")) == data)
        #expect(try VectorStore<Int64>.open(at: scratch.store, access: .readOnly).vector(for: 5) == [1, 2, 3, 5])
    }

    // MARK: A rotten page

    private static let rottenRows = 1_000
    private static let rottenDead = Set((0..<20).map { $0 * 7 })

    /// Calls `body` with copies of a store. In each copy, some bytes of one page of the index are damaged. Most of
    /// these are inner pages: if one is damaged, SQLite may miss the rows of all pages below it without an error.
    private func forEachRottenIndex(_ body: (_ copy: String, _ page: Int) throws -> Void) throws {
        let whole = scratch.path + "/whole"
        let store = try VectorStore<String>.create(at: whole, configuration: .init(dimension: 1_024))
        try store.write { batch in
            for id in 0..<Self.rottenRows {
                try batch.put([Float](repeating: Float(id), count: 1_024), for: "row-\(id)")
            }
        }
        try store.delete(Self.rottenDead.map { "row-\($0)" })
        try store.close()
        let index = try read(whole + "/index.sqlite")
        let pageSize = 4_096
        var generator = SplitMix64(seed: 1)
        for round in 0..<60 {
            var rotten = index
            let inner = (1..<index.count / pageSize).filter { index[$0 * pageSize] == 2 }
            let page =
                round < 40 ? inner[round % inner.count] : Int.random(in: 1..<index.count / pageSize, using: &generator)
            let start = page * pageSize + Int.random(in: 0..<pageSize - 64, using: &generator)
            for offset in start..<start + 64 { rotten[offset] = UInt8.random(in: 0...255, using: &generator) }
            let copy = scratch.path + "/copy"
            if exists(copy) { try remove(copy) }
            try copyItem(whole, to: copy)
            try write(rotten, to: copy + "/index.sqlite")
            try body(copy, page)
        }
    }

    /// The bug: the bytes of hidden rows were given back as if the rows were dead.
    @Test(arguments: ["rewrite", "in-place", "punch", "auto", "erase"])
    func whatARottenPageHidesIsNotGivenBack(_ work: String) throws {
        let dead = Self.rottenDead.union([500])
        var refusals = 0
        try forEachRottenIndex { copy, page in
            do {
                let store = try VectorStore<String>.open(at: copy)
                defer { try? store.close() }
                switch work {
                case "erase": try store.erase(["row-500"])
                case let name: try store.compact(try #require(CompactionStrategy(rawValue: name)))
                }
            } catch let error as VectorStoreError {
                #expect(error.code == .damaged, "page \(page): \(error)")
                refusals += 1
            }
            // All rows are still in some data file, except for the few whose own entries are among the damaged bytes.
            var left: Set<Float> = []
            for name in try FileManager.default.contentsOfDirectory(atPath: copy) where name.hasSuffix(".f32") {
                let bytes = try read(copy + "/" + name)
                for offset in stride(from: 4_096, to: bytes.count - 4, by: 4_096) {
                    left.insert(
                        unsafe bytes.withUnsafeBytes { unsafe $0.loadUnaligned(fromByteOffset: offset, as: Float.self) }
                    )
                }
            }
            let lost = (0..<Self.rottenRows).filter { !dead.contains($0) && !left.contains(Float($0)) }
            #expect(lost.count <= 4, "page \(page): the rows \(lost.prefix(5)) and others, \(lost.count) in all")
        }
        #expect(refusals > 5)
    }

    /// The bug: a backup without the hidden rows was reported as checked.
    @Test func whatARottenPageHidesIsMissedByABackup() throws {
        let backup = scratch.path + "/backup"
        var (made, refused) = (0, 0)
        try forEachRottenIndex { copy, page in
            do {
                let store = try VectorStore<String>.open(at: copy, access: .readOnly)
                defer { try? store.close() }
                try store.backup(to: backup)
            } catch let error as VectorStoreError {
                #expect(error.code == .damaged, "page \(page): \(error)")
                refused += 1
                return
            }
            let found = try VectorStore<String>.open(at: backup, access: .readOnly).ids().count
            #expect(found >= Self.rottenRows - Self.rottenDead.count - 4, "page \(page): \(found) rows")
            made += 1
            try remove(backup)
        }
        #expect(made > 5 && refused > 5)
    }
}
