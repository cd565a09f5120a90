import Foundation
import TestSupport
import Testing

@testable import Lacuna

/// Whatever is wrong with a store, the sound rows come out, and no file is changed.
@Suite(.timeLimit(.minutes(40))) struct SalvageTests {
    private static let ids = (0..<12).map { Int64($0 * 7 - 20) }

    @Test func aSoundStoreComesOutWhole() throws {
        let store = try SmallStore(Self.ids, delete: [Self.ids[3], Self.ids[11]])
        let salvaged = try SalvagedStore(store.scratch)
        salvaged.expectVerified(store.model)
        #expect(salvaged.reasons.isEmpty && salvaged.unverified.isEmpty)
        #expect(salvaged.report.state == .clean && salvaged.report.problems.isEmpty)
        #expect(salvaged.report.dimension == 4 && salvaged.report.metric == .cosine)
        #expect(salvaged.report.idKind == .integer)
    }

    @Test func textsAndUUIDs() throws {
        let texts = try SmallStore(["", "e\u{301}", "é", "a \"quoted\" one\n", "zebra"])
        try SalvagedStore(texts.scratch).expectVerified(texts.model)
        let uuids = try SmallStore((0..<9).map { _ in UUID() })
        try uuids.overwrite("vectors-1.f32", at: uuids.begin(4) + 1, [0x55])
        let lost = try #require(uuids.model.inSlotOrder.first { $0.slot == 4 }).id
        let salvaged = try SalvagedStore(uuids.scratch)
        salvaged.expectVerified(uuids.model, except: [lost])
        #expect(salvaged.setAside(.badChecksum).map(\.id) == [lost.sqlValue])
        #expect(salvaged.report.idKind == .uuid)
    }

    /// Committed rows may be in the log alone.
    @Test func theLogIsReadToo() throws {
        let scratch = try Scratch()
        let copy = try Scratch()
        let store = try VectorStore<Int64>.create(at: scratch.store, configuration: .init(dimension: 2))
        for id in Int64(0)..<20 { try store.put([1, Float(id)], for: id) }
        // Another process copies, because this one has the index open.
        try Program.succeed("cp", "-r", scratch.store, copy.store)
        try store.close()
        #expect(try sizes(copy.file("index.sqlite-wal")).length > 0)
        let salvaged = try SalvagedStore(copy)
        #expect(salvaged.verified.map(\.id) == (Int64(0)..<20).map { .integer($0) })
        // A damaged log ends at its damage.
        let half = try sizes(copy.file("index.sqlite-wal")).length / 2
        try edit(copy.file("index.sqlite-wal")) { file in
            try file.seek(toOffset: UInt64(half))
            try file.write(contentsOf: Data([UInt8](repeating: 0x5A, count: 64)))
        }
        let rotten = try SalvagedStore(copy)
        #expect(rotten.verified.count > 0 && rotten.verified.count < 20)
        for row in rotten.verified {
            #expect(row.vector[1] == row.id.flatMap { Int64(sqlValue: $0) }.map { Float($0) })
        }
    }

    /// The leftovers of a crash are no damage, and stay.
    @Test func aCopyUnderWayIsLeftAlone() throws {
        let store = try SmallStore(Self.ids, delete: [Self.ids[2]])
        let copy = try Scratch()
        let handle = try VectorStore<Int64>.open(at: store.scratch.store)
        try handle.compact(.rewrite, .small(rows: 3, dimension: 4)) { progress in
            guard progress.done > 3, !exists(copy.store) else { return }
            try Program.succeed("cp", "-r", store.scratch.store, copy.store)
        }
        try handle.close()
        #expect(exists(copy.file("vectors-2.f32")))
        let salvaged = try SalvagedStore(copy)
        salvaged.expectVerified(store.model)
        #expect(salvaged.reasons.isEmpty && salvaged.report.state == .recovered)
        #expect(salvaged.report.actions.map(\.kind).contains(.abort))
    }

    @Test func aFlippedRowIsSetAside() throws {
        let store = try SmallStore(Self.ids, delete: [Self.ids[2]])
        try store.overwrite("vectors-1.f32", at: store.begin(6) + 2, [0x77])
        let salvaged = try SalvagedStore(store.scratch)
        salvaged.expectVerified(store.model, except: [Self.ids[6]])
        #expect(salvaged.reasons == [.badChecksum: 1])
        let row = try #require(salvaged.setAside(.badChecksum).first)
        #expect(row.id == .integer(Self.ids[6]) && row.vector.count == 4)
        #expect(row.vector[1...] == SmallStore<Int64>.vector(6)[1...])
        #expect(row.metadataJSON?.contains(#""n":6"#) == true)
        #expect(salvaged.report.state == .damaged)
    }

    @Test func whatIsNotFiniteIsSetAsideAsItIs() throws {
        let store = try SmallStore(Self.ids)
        try store.overwrite("vectors-1.f32", at: store.begin(1), [0, 0, 0xC0, 0x7F, 0, 0, 0x80, 0xFF])
        var salvaged = try SalvagedStore(store.scratch)
        salvaged.expectVerified(store.model, except: [Self.ids[1]])
        let row = try #require(salvaged.setAside(.badChecksum).first)
        #expect(row.vector[0].isNaN && row.vector[1] == -.infinity && row.vector[2] == 2.5)
        // The row is set aside even if its checksum agrees, because no store would take it.
        let bytes: [UInt8] = [0, 0, 0xC0, 0x7F] + [UInt8](repeating: 0, count: 12)
        try store.overwrite("vectors-1.f32", at: store.begin(1), bytes)
        var checksum = Checksum()
        unsafe bytes.withUnsafeBytes { unsafe checksum.update($0) }
        checksum.update(Self.ids[1])
        try tellRun(store.scratch.index, 1, .integer(Self.ids[1]), [], checksum: checksum.value)
        salvaged = try SalvagedStore(store.scratch)
        salvaged.expectVerified(store.model, except: [Self.ids[1]])
        #expect(salvaged.reasons == [.notFinite: 1])
    }

    @Test func lostIndexRowsLeaveTheirVectorsAndMetadata() throws {
        let store = try SmallStore(Self.ids, delete: [Self.ids[0]])
        try tamper(store.scratch.index, "DELETE FROM vectors WHERE id IN (\(Self.ids[4]), \(Self.ids[5]))")
        let salvaged = try SalvagedStore(store.scratch)
        // The runs tell the ids, and that the deleted row is dead.
        salvaged.expectVerified(store.model)
        #expect(salvaged.reasons.isEmpty)
        try tamper(store.scratch.index, "DELETE FROM runs")
        let less = try SalvagedStore(store.scratch)
        #expect(less.verified.isEmpty)
        #expect(less.setAside(.unnamed).map(\.slot) == [0, 4, 5])
        #expect(less.setAside(.unnamed).map(\.vector) == [0, 4, 5].map(SmallStore<Int64>.vector))
        #expect(less.setAside(.metadataWithoutRow).map(\.id) == [.integer(Self.ids[4])])
    }

    @Test func dataFileCutShort() throws {
        let store = try SmallStore(Self.ids)
        try edit(store.scratch.file("vectors-1.f32")) { try $0.truncate(atOffset: store.begin(8) + 3) }
        expectError(.damaged) { try VectorStore<Int64>.open(at: store.scratch.store) }
        let salvaged = try SalvagedStore(store.scratch)
        salvaged.expectVerified(store.model, except: Array(Self.ids[8...]))
        #expect(salvaged.reasons == [.outOfBounds: 4])
        #expect(salvaged.setAside(.outOfBounds).filter { $0.metadataJSON != nil }.count == 2)
    }

    @Test func missingDataFile() throws {
        let store = try SmallStore(Self.ids)
        try remove(store.scratch.file("vectors-1.f32"))
        let salvaged = try SalvagedStore(store.scratch)
        #expect(salvaged.reasons == [.missingFile: 12] && salvaged.verified.isEmpty)
        #expect(salvaged.report.problems.contains { $0.contains("vectors-1.f32 is missing") })
    }

    /// The index has everything that the header says.
    @Test func aRottenHeaderCostsNoRow() throws {
        let store = try SmallStore(Self.ids)
        try store.overwrite("vectors-1.f32", at: 40, [9])
        expectError(.damaged) { try VectorStore<Int64>.open(at: store.scratch.store) }
        let salvaged = try SalvagedStore(store.scratch)
        salvaged.expectVerified(store.model)
        #expect(salvaged.reasons.isEmpty && salvaged.report.state == .damaged)
    }

    @Test func anotherStoresFileSpeaksForNoRow() throws {
        let store = try SmallStore(Self.ids)
        let other = try SmallStore((0..<12).map { Int64($0 + 1_000) })
        try remove(store.scratch.file("vectors-1.f32"))
        try copyItem(other.scratch.file("vectors-1.f32"), to: store.scratch.file("vectors-1.f32"))
        // The other store's rows have the same bytes under other ids, so the rows are right.
        let salvaged = try SalvagedStore(store.scratch)
        salvaged.expectVerified(store.model)
        try tamper(store.scratch.index, "DELETE FROM vectors WHERE id = \(Self.ids[4])")
        let less = try SalvagedStore(store.scratch)
        less.expectVerified(store.model, except: [Self.ids[4]])
        #expect(less.setAside(.unnamed).isEmpty)
    }

    // MARK: Two generations

    /// A rewrite had committed and its file is lost; the file before it is kept, with the index rows that lead into it.
    @Test func theOlderFileGivesWhatHasNotChangedSince() throws {
        let store = try SmallStore(Self.ids, delete: [Self.ids[1]])
        let scratch = store.scratch
        let old = try rawConnection(scratch.index).rows(2, "SELECT id, slot FROM vectors")
        let oldFile = try read(scratch.file("vectors-1.f32"))
        let handle = try VectorStore<Int64>.open(at: scratch.store)
        try handle.compact(.rewrite)
        var model = store.model
        try handle.put([9, 9, 9, 9], for: Self.ids[5], metadataJSON: "{}", replacing: true)
        try handle.put([8, 8, 8, 8], for: 777)
        try handle.delete(Self.ids[6])
        model.delete(Self.ids[6])
        try handle.close()
        try remove(scratch.file("vectors-2.f32"))
        try write(oldFile, to: scratch.file("vectors-1.f32"))
        do {
            let connection = try rawConnection(scratch.index)
            for row in old { try connection.run("INSERT INTO vectors VALUES (1, ?, ?)", row) }
        }
        let salvaged = try SalvagedStore(scratch)
        // Only the lost file had the rows that were replaced or put since. Rows that were deleted since are not brought
        // back.
        salvaged.expectVerified(model, except: [Self.ids[5]])
        #expect(salvaged.reasons == [.missingFile: 2])
        #expect(salvaged.setAside(.missingFile).map(\.id) == [.integer(Self.ids[5]), .integer(777)])

        // If the current index row is lost too, only the older one is left, and it may be outdated.
        try rawConnection(scratch.index)
            .run("DELETE FROM vectors WHERE generation = 2 AND id = ?", [.integer(Self.ids[5])])
        let less = try SalvagedStore(scratch)
        less.expectVerified(model, except: [Self.ids[5]])
        let outdated = less.setAside(.olderVersion)
        #expect(outdated.map(\.id) == [.integer(Self.ids[5]), .integer(Self.ids[6])])
        #expect(outdated.map(\.vector) == [5, 6].map(SmallStore<Int64>.vector))
    }

    /// A rewrite was killed once its rows were staged, and the next opening removed its target. Then a row was replaced
    /// and one deleted, and a power cut brings the target's name back. Without the record, only the journal tells that
    /// the rewrite was aborted.
    @Test(arguments: [
        ("aborted", true), ("copying", true), ("aborted", false),
    ]) func aRewriteThatCameToNothingSpeaksForNoRow(_ state: String, hasJournal: Bool) throws {
        let store = try SmallStore(Self.ids, delete: [Self.ids[2]])
        let scratch = try Scratch()
        let handle = try VectorStore<Int64>.open(at: store.scratch.store)
        _ = try? handle.compact(.rewrite, .small(rows: 12, dimension: 4)) { _ in
            let staged = try rawConnection(store.scratch.index).value(
                "SELECT count(*) FROM vectors WHERE generation = 2"
            )
            guard staged == .integer(11) else { return }
            try Program.succeed("cp", "-r", store.scratch.store, scratch.store)
            throw CancellationError()
        }
        try handle.close()
        let target = try read(scratch.file("vectors-2.f32"))
        let again = try VectorStore<Int64>.open(at: scratch.store)
        try again.put([9, 9, 9, 9], for: Self.ids[5], replacing: true)
        try again.delete(Self.ids[6])
        try again.close()
        try write(target, to: scratch.file("vectors-2.f32"))
        try tamper(scratch.index, "DELETE FROM store", "UPDATE compaction_journal SET state = '\(state)'")
        if !hasJournal { try tamper(scratch.index, "DROP TABLE compaction_journal") }

        let salvaged = try SalvagedStore(scratch)
        var model = store.model
        model.put([9, 9, 9, 9], for: Self.ids[5], json: nil)
        model.delete(Self.ids[6])
        if hasJournal {
            salvaged.expectVerified(model)
            #expect(salvaged.setAside(.olderVersion).map(\.id) == [.integer(Self.ids[6])])
        } else {
            #expect(salvaged.verified.isEmpty)
            let versions = salvaged.setAside(.olderVersion).filter { $0.id == .integer(Self.ids[5]) }
            #expect(versions.map(\.vector) == [SmallStore<Int64>.vector(5), [9, 9, 9, 9]])
            #expect(salvaged.report.problems.contains { $0.contains("the newest") })
        }
    }

    /// An older index was put back: the file that it doesn't know may hold the rows that it lacks.
    @Test func aFileThatNothingNamesIsSetAside() throws {
        let store = try SmallStore(Self.ids, delete: [Self.ids[0]])
        let before = try read(store.scratch.index)
        let handle = try VectorStore<Int64>.open(at: store.scratch.store)
        try handle.compact(.rewrite)
        try handle.close()
        for name in try store.scratch.names() where name.hasPrefix("index") { try remove(store.scratch.file(name)) }
        try write(before, to: store.scratch.index)
        let salvaged = try SalvagedStore(store.scratch)
        #expect(salvaged.reasons == [.missingFile: 11, .unnamed: 11])
        #expect(salvaged.setAside(.unnamed).map(\.dataFile) == Array(repeating: "vectors-2.f32", count: 11))
        #expect(salvaged.setAside(.unnamed).map(\.vector) == (1..<12).map(SmallStore<Int64>.vector))
    }

    // MARK: Metadata

    @Test func rottenMetadataAreSetAsideAlone() throws {
        let ids = Self.ids
        let store = try SmallStore(ids)
        try tamper(
            store.scratch.index,
            "UPDATE metadata SET json = '{\"n\":100}' WHERE id = \(ids[0])",
            "UPDATE metadata SET checksum = -1 WHERE id = \(ids[1])",
            "UPDATE metadata SET json = CAST(x'7bff7d' AS TEXT) WHERE id = \(ids[3])",
            "INSERT INTO metadata VALUES (5000, '{}', 0)"
        )
        let salvaged = try SalvagedStore(store.scratch)
        salvaged.expectVerified(store.model, withoutMetadata: [ids[0], ids[1], ids[3]])
        #expect(salvaged.setAside(.badMetadata).map(\.id) == [ids[0], ids[1], ids[3]].map { .integer($0) })
        #expect(salvaged.setAside(.badMetadata).map(\.metadataJSON).first == "{\"n\":100}")
        #expect(salvaged.setAside(.badMetadata).map(\.metadataJSON).last == "{\u{FFFD}}")
        #expect(salvaged.setAside(.metadataWithoutRow).map(\.id) == [.integer(5_000)])
    }

    /// These metadata match their checksum, but a store doesn't accept them.
    @Test(arguments: ["no json", "[1]", #"{"id":1}"#]) func metadataThatNoStoreTakes(_ json: String) throws {
        let store = try SmallStore(Self.ids)
        let checksum = StoreIndex.checksum(of: json, for: .integer(Self.ids[0]))
        try tamper(
            store.scratch.index,
            "UPDATE metadata SET json = '\(json)', checksum = \(checksum) WHERE id = \(Self.ids[0])"
        )
        let salvaged = try SalvagedStore(store.scratch)
        salvaged.expectVerified(store.model, withoutMetadata: [Self.ids[0]])
        #expect(salvaged.setAside(.badMetadata).map(\.metadataJSON) == [json])
    }

    // MARK: Other handles, and errors

    @Test func aWriterIsInTheWay() throws {
        let store = try SmallStore(Self.ids)
        let handle = try VectorStore<Int64>.open(at: store.scratch.store)
        expectError(.locked) { try VectorStoreRecovery.salvage(at: store.scratch.store) { _ in } }
        try handle.close()
        try SalvagedStore(store.scratch).expectVerified(store.model)
    }

    @Test func noStore() throws {
        let scratch = try Scratch()
        func salvage(_ path: String) throws { _ = try VectorStoreRecovery.salvage(at: path) { _ in } }
        expectError(.noSuchStore) { try salvage(scratch.store) }
        expectError(.notAStore) { try salvage(scratch.path) }
        try write(Data("text".utf8), to: scratch.path + "/file")
        expectError(.notAStore) { try salvage(scratch.path + "/file") }
        try Connection(scratch.path + "/index.sqlite", .create).execute("CREATE TABLE t (x)")
        expectError(.notAStore) { try salvage(scratch.path) }
        let store = try SmallStore(Self.ids)
        try tamper(store.scratch.index, "PRAGMA user_version = 99")
        expectError(.newerFormat) { try salvage(store.scratch.store) }
    }

    struct Stop: Error {}

    @Test func whatTheBodyThrowsComesOut() throws {
        let store = try SmallStore(Self.ids)
        var seen = 0
        #expect(throws: Stop.self) {
            try VectorStoreRecovery.salvage(at: store.scratch.store) { _ in
                seen += 1
                if seen == 3 { throw Stop() }
            }
        }
        #expect(seen == 3)
        try SalvagedStore(store.scratch).expectVerified(store.model)
    }
}
