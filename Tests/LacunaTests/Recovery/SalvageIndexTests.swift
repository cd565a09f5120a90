import Foundation
import TestSupport
import Testing

@testable import Lacuna

/// Salvages a store whose index is damaged or lost.
@Suite(.timeLimit(.minutes(40))) struct SalvageIndexTests {
    private static let texts = (0..<900).map { "row \(String(repeating: "0", count: 3 - String($0).count))\($0)" }

    // MARK: A log that has lost commits

    /// The remaining rows come out, and rows of the lost commits in the data file are set aside; the report says that
    /// there was more.
    @Test(arguments: [false, true]) func commitsAreMissing(isRotten: Bool) throws {
        let killed = try KilledStore.make(commits: 20)
        var log = killed.log
        log[log.count / 2] ^= 1
        let scratch = try Scratch()
        try killed.with(KilledStore.logName, isRotten ? log : nil).write(to: scratch.store)
        var rows = CrashModel()
        var vectors: Set<[UInt32]> = []
        let report = try VectorStoreRecovery.salvage(at: scratch.store) { row in
            vectors.insert(row.vector.map(\.bitPattern))
            guard row.verdict == .verified, case .integer(let id) = row.id else {
                #expect(row.verdict == .setAside(.unnamed))
                return
            }
            rows.put(id, row.vector, row.metadataJSON)
        }
        #expect(report.state == .damaged)
        #expect(
            report.problems.contains {
                $0.contains(isRotten ? "is damaged" : "was made, or a later one: index.sqlite-wal is missing")
            }
        )
        #expect(killed.states.dropLast().contains(rows))
        let last = try #require(killed.states.last).rows.values.map(\.bits)
        #expect(last.count > rows.rows.count && last.allSatisfy(vectors.contains))
    }

    /// The moves of a compaction in place are lost with the log: rows lie in gaps, and the file was cut.
    @Test func lostMovesAreSetAside() throws {
        let scratch = try Scratch()
        let copy = try Scratch()
        let count = 3_000
        let store = try VectorStore<Int64>.create(
            at: scratch.store,
            configuration: .init(dimension: 1_024, metric: .dot)
        )
        try store.write { batch in
            for id in 0..<count {
                try batch.put((0..<1_024).map { Float(id * 1_024 + $0 + 1) }, for: Int64(id))
            }
        }
        try store.delete((0..<Int64(count - 1_000)).filter { $0 > 0 })
        try store.close()
        let again = try VectorStore<Int64>.open(at: scratch.store)
        try again.compact(.inPlace)
        // Another process copies, because this one has the index open.
        try Program.succeed("cp", "-r", scratch.store, copy.store)
        try again.close()
        for name in try copy.names() where name.hasPrefix("index.sqlite-") { try remove(copy.file(name)) }
        var found: Set<Float> = []
        let report = try VectorStoreRecovery.salvage(at: copy.store) { row in
            if let first = row.vector.first { found.insert(first) }
        }
        #expect(report.problems.contains { $0.contains("index.sqlite-wal is missing") })
        let live = [0] + Array(count - 1_000..<count)
        #expect(live.allSatisfy { found.contains(Float($0 * 1_024 + 1)) })
    }

    // MARK: Pages that can't be read

    /// With these numbers of rows, the rows beside the damaged page sometimes have metadata and sometimes not.
    @Test(arguments: 898...900) func whatLiesOnBothSidesOfABadPageIsFound(_ count: Int) throws {
        let ids = Array(Self.texts.prefix(count).reversed())
        let store = try SmallStore(ids)
        let leaves = try store.leaves("vectors")
        try #require(leaves.count >= 4)
        try store.destroy(page: leaves[1].page)
        expectError(.damaged) { try VectorStore<String>.open(at: store.scratch.store).ids() }
        let salvaged = try SalvagedStore(store.scratch)
        // The runs tell the ids of the rows in the page.
        salvaged.expectVerified(store.model)
        #expect(salvaged.reasons.isEmpty)
        #expect(salvaged.report.problems.contains { $0.contains("the table vectors can't be read to its end") })
    }

    /// SQLite's message has several lines, here about the page that lists where other pages are linked from.
    @Test func aMessageIsOneLine() throws {
        let store = try SmallStore(Self.texts)
        try store.overwrite("index.sqlite", at: 4_096, [UInt8](repeating: 0, count: 4_096))
        let salvaged = try SalvagedStore(store.scratch)
        salvaged.expectVerified(store.model)
        #expect(salvaged.report.problems.contains { $0.hasPrefix("*** in database main ***, ") })
        #expect(!salvaged.report.problems.contains { $0.contains("\n") })
    }

    /// Without the runs, each lost row's vector is set aside by its place, and its metadata by their id.
    @Test(arguments: 898...900) func withoutRunsABadPageCostsItsRows(_ count: Int) throws {
        let ids = Array(Self.texts.prefix(count).reversed())
        let store = try SmallStore(ids)
        let leaves = try store.leaves("vectors")
        try tamper(store.scratch.index, "DELETE FROM runs")
        try store.destroy(page: leaves[1].page)
        let salvaged = try SalvagedStore(store.scratch)
        #expect(salvaged.verified.isEmpty, "no checksum speaks for a row")
        #expect(salvaged.setAside(.noChecksum).count == count - leaves[1].rows)
        #expect(salvaged.setAside(.unnamed).count == leaves[1].rows)
    }

    /// Neither a scan from the beginning nor one from the end reaches the page between two bad ones.
    @Test func whatLiesBetweenTwoBadPagesIsFound() throws {
        let store = try SmallStore(Self.texts)
        let leaves = try store.leaves("vectors")
        try #require(leaves.count >= 4)
        try store.destroy(page: leaves[1].page)
        try store.destroy(page: leaves[3].page)
        let salvaged = try SalvagedStore(store.scratch)
        salvaged.expectVerified(store.model)
        #expect(salvaged.verified.count == 900, "no row twice")
    }

    @Test func aBadPageOfMetadata() throws {
        let store = try SmallStore(Self.texts)
        let leaves = try store.leaves("metadata")
        try #require(leaves.count >= 3)
        try store.destroy(page: leaves[1].page)
        let salvaged = try SalvagedStore(store.scratch)
        let without = salvaged.setAside(.unreadableMetadata).compactMap(\.id?.idText)
        #expect(
            without.count == leaves[1].rows
                + store.model.inIDOrder.count { row in
                    row.json == nil && without.contains(row.id)
                }
        )
        salvaged.expectVerified(store.model, withoutMetadata: without)
        #expect(salvaged.reasons.count == 1)
    }

    /// The record is lost, not the rows: the data file's header tells their dimension.
    @Test(arguments: HostileIndexTests.fields + ["dimension = 2", "dimension = 1"])
    func aBadFieldOfTheRecordCostsNoRow(_ change: String) throws {
        let store = try SmallStore((0..<10).map { Int64($0) })
        try tamper(store.scratch.index, "UPDATE store SET \(change)")
        let salvaged = try SalvagedStore(store.scratch)
        if change.hasPrefix("generation = 2, ") {
            // The record names a generation without index rows, so the rows may be older versions.
            #expect(salvaged.reasons[.olderVersion] == 10)
        } else {
            salvaged.expectVerified(store.model)
        }
        #expect(salvaged.report.state == .damaged)
        #expect(salvaged.unverified.isEmpty)
    }

    @Test(arguments: [
        "DELETE FROM store", "DROP TABLE store", "DROP TABLE compaction_journal", "PRAGMA user_version = 0",
        "PRAGMA user_version = -5", "PRAGMA application_id = 7",
        "INSERT INTO compaction_journal (strategy, state, source_generation, source_file, rows_live, allocated_before) VALUES ('x', 'y', 1, 'z', 1, 1)",
    ])
    func aBrokenSchemaCostsNoRow(_ change: String) throws {
        let store = try SmallStore((0..<10).map { Int64($0) })
        try tamper(store.scratch.index, change)
        let salvaged = try SalvagedStore(store.scratch)
        salvaged.expectVerified(store.model)
        #expect(salvaged.report.state == .damaged && salvaged.unverified.isEmpty)
    }

    /// The runs tell whose row lies in a slot that no index row names any more.
    @Test(arguments: HostileIndexTests.slots) func aBadSlotCostsNoRow(_ slot: Int64) throws {
        let store = try SmallStore((0..<10).map { Int64($0) })
        try tamper(store.scratch.index, "UPDATE vectors SET slot = \(slot) WHERE id = 4")
        let salvaged = try SalvagedStore(store.scratch)
        salvaged.expectVerified(store.model)
        #expect(!salvaged.reasons.isEmpty && salvaged.report.state == .damaged)
    }

    /// The row is set aside if the dead slots aren't known for sure, because a deleted row must not come back.
    @Test func withoutTheDeadSlotsARowOfTheRunsIsSetAside() throws {
        let store = try SmallStore((0..<10).map { Int64($0) }, delete: [7])
        try tamper(store.scratch.index, "DELETE FROM vectors WHERE id = 4", "DELETE FROM dead")
        let salvaged = try SalvagedStore(store.scratch)
        salvaged.expectVerified(store.model, except: [4])
        #expect(salvaged.setAside(.unnamed).map(\.id) == [4, 7])
    }

    @Test(arguments: ["id = 'text'", "id = 1.5", "id = x'00'", "id = CAST(x'ff' AS TEXT)"])
    func aBadIndexRowIsSetAside(_ change: String) throws {
        let store = try SmallStore((0..<10).map { Int64($0) })
        try tamper(store.scratch.index, "UPDATE vectors SET \(change) WHERE id = 4")
        let salvaged = try SalvagedStore(store.scratch)
        // The runs tell the row's own id.
        salvaged.expectVerified(store.model)
        #expect(!salvaged.reasons.isEmpty && salvaged.report.state == .damaged)
    }

    /// An import into the new store would stop at an id of this kind.
    @Test func anIDOfAnotherKind() throws {
        let store = try SmallStore(["a", "b", "c"])
        try tamper(store.scratch.index, "UPDATE vectors SET id = 7 WHERE id = 'b'", "UPDATE store SET id_kind = 'text'")
        let salvaged = try SalvagedStore(store.scratch)
        // The runs tell whose row it is.
        salvaged.expectVerified(store.model)
        #expect(salvaged.setAside(.noChecksum).map(\.id) == [7])
    }

    // MARK: The index is lost

    @Test(arguments: ["missing", "garbage", "empty", "no tables", "a directory", "no vectors", "no rows"])
    func rowsGoOutByOffset(_ what: String) throws {
        let store = try SmallStore((0..<10).map { Int64($0) }, delete: [3])
        let scratch = store.scratch
        try store.overwrite("vectors-1.f32", at: store.begin(5), [UInt8](repeating: 0, count: 16))
        switch what {
        case "no vectors": try tamper(scratch.index, "DROP TABLE vectors", "DROP TABLE runs")
        case "no rows": try tamper(scratch.index, "DELETE FROM vectors", "DELETE FROM runs", "DELETE FROM metadata")
        default:
            for name in try scratch.names() where name.hasPrefix("index") { try remove(scratch.file(name)) }
            switch what {
            case "garbage": try write(Data([UInt8](repeating: 0x42, count: 20_000)), to: scratch.index)
            case "empty": try write(Data(), to: scratch.index)
            case "no tables": try Connection(scratch.index, .create).execute("CREATE TABLE t (x); DROP TABLE t")
            default: break
            }
        }
        let isDirectory = what == "a directory"
        if isDirectory {
            try FileManager.default.createDirectory(atPath: scratch.index, withIntermediateDirectories: false)
        }
        defer { if isDirectory { try? remove(scratch.index) } }
        var rows: [SalvagedRow] = []
        let report: SalvageReport
        if isDirectory {
            report = try VectorStoreRecovery.salvage(at: scratch.store) { rows.append($0) }
        } else {
            let salvaged = try SalvagedStore(scratch)
            (rows, report) = (salvaged.rows, salvaged.report)
        }
        // If the table of metadata is there, these still have their ids.
        #expect(rows.filter { $0.verdict == .setAside(.metadataWithoutRow) }.count == (what == "no vectors" ? 6 : 0))
        rows.removeAll { $0.verdict == .setAside(.metadataWithoutRow) }
        // A row of zeros can't be told from a hole; a deleted row is still there.
        let slots = (0..<10).filter { $0 != 5 }
        #expect(rows.map(\.verdict) == slots.map { _ in .unverified })
        #expect(rows.map(\.slot) == slots)
        #expect(rows.map(\.vector) == slots.map(SmallStore<Int64>.vector))
        #expect(rows.allSatisfy { $0.id == nil && $0.dataFile == "vectors-1.f32" })
        #expect(report.state == .damaged && !report.problems.isEmpty)
        #expect(report.dimension == 4 && report.idKind == .integer)
    }

    @Test func withNeitherIndexNorHeaderThereIsNothing() throws {
        let store = try SmallStore((0..<10).map { Int64($0) })
        try store.overwrite("vectors-1.f32", at: 40, [9])
        try remove(store.scratch.index)
        let salvaged = try SalvagedStore(store.scratch)
        #expect(salvaged.rows.isEmpty && salvaged.report.state == .damaged)
        #expect(salvaged.report.problems.contains { $0.contains("header") })
    }

    /// A hole far longer than the disk is skipped, not read.
    @Test func aHugeFile() throws {
        let store = try SmallStore((0..<10).map { Int64($0) })
        try edit(store.scratch.file("vectors-1.f32")) { try $0.truncate(atOffset: 4_096 + 1 << 38) }
        try remove(store.scratch.index)
        var slots: [Int?] = []
        _ = try VectorStoreRecovery.salvage(at: store.scratch.store) { slots.append($0.slot) }
        #expect(slots == Array(0..<10))
    }

    // MARK: The disk

    /// Pages that can't be read, of the data file and of the index.
    @Test func badSectors() throws {
        let store = try SmallStore(Self.texts)
        let leaf = try store.leaves("vectors")[1]
        let fileSystem = BadSectorFileSystem(bad: [
            "vectors-1.f32": [4_096 + 16 * 10..<4_096 + 16 * 11],
            "index.sqlite": [Int64(leaf.page - 1) * 4_096..<Int64(leaf.page) * 4_096],
        ])
        let salvaged = try SalvagedStore(store.scratch, fileSystem)
        #expect(salvaged.setAside(.unreadable).map(\.id) == [.text(Self.texts[10])])
        #expect(salvaged.verified.count == 900 - 1)
        #expect(salvaged.report.problems.contains { $0.contains("can't read 1 pages") })
    }

    // MARK: Anything

    /// Random damage never leads to a trap or an invented row; over many damages, at least a third of the 299 rows is
    /// verified.
    @Test func randomDamage() throws {
        let seeds: [UInt64] = [11, 12, 13]
        let verified = try seeds.map(verifiedRows).reduce(0, +)
        #expect(verified > seeds.count * 60 * 100)
    }

    /// The total number of rows that are verified after sixty damages.
    private func verifiedRows(_ seed: UInt64) throws -> Int {
        let store = try SmallStore(Self.texts.prefix(300).map { $0 }, delete: [Self.texts[7]])
        let scratch = store.scratch
        let pristine = try scratch.contents()
        var random = SplitMix64(seed: seed)
        var verified = 0
        for _ in 0..<60 {
            for name in try scratch.names() where !name.hasSuffix(".lock") { try remove(scratch.file(name)) }
            for (name, bytes) in pristine { try write(bytes, to: scratch.file(name)) }
            for name in ["index.sqlite", "index.sqlite", "vectors-1.f32"] {
                try write(damage(try read(scratch.file(name)), &random), to: scratch.file(name))
            }
            do {
                let salvaged = try SalvagedStore(scratch)
                let wrong = salvaged.verified.filter { row in
                    let number = row.id.flatMap { Int($0.idText.dropFirst(4)) }
                    return row.vector != number.map(SmallStore<String>.vector)
                }
                #expect(wrong.isEmpty)
                verified += salvaged.verified.count
            } catch let error as VectorStoreError {
                #expect([.notAStore, .newerFormat].contains(error.code), "\(error)")
            }
        }
        return verified
    }

    /// The same for the log of a killed process.
    @Test func randomDamageOfTheLog() throws {
        let scratch = try Scratch()
        let original = try Scratch()
        let store = try VectorStore<Int64>.create(at: original.store, configuration: .init(dimension: 4))
        for number in 0..<40 { try store.put(SmallStore<Int64>.vector(number), for: Int64(number), metadataJSON: "{}") }
        // Another process copies, because this one has the index open.
        try Program.succeed("cp", "-r", original.store, scratch.store)
        try store.close()
        let pristine = try scratch.contents()
        let log = try #require(pristine["index.sqlite-wal"])
        var random = SplitMix64(seed: 21)
        var verified = 0
        for _ in 0..<60 {
            try write(damage(damage(log, &random), &random), to: scratch.file("index.sqlite-wal"))
            let salvaged = try SalvagedStore(scratch)
            let wrong = salvaged.verified.filter { row in
                row.vector != row.id.flatMap { Int64(sqlValue: $0) }.map { SmallStore<Int64>.vector(Int($0)) }
            }
            #expect(wrong.isEmpty)
            verified += salvaged.verified.count
        }
        #expect(verified > 60)
    }

    private func damage(_ pristine: Data, _ random: inout SplitMix64) -> Data {
        if pristine.count < 8_192 { return pristine }
        var bytes = pristine
        let pages = bytes.count / 4_096
        func page() -> Int { Int.random(in: 0..<pages, using: &random) * 4_096 }
        switch Int.random(in: 0..<6, using: &random) {
        case 0: bytes[Int.random(in: 0..<4_096, using: &random)] ^= 0x40
        case 1 where Int.random(in: 0..<4, using: &random) == 0:
            return bytes.prefix(Int.random(in: 0..<bytes.count, using: &random))
        case 2:
            let begin = page()
            bytes.replaceSubrange(begin..<begin + 4_096, with: random.bytes(4_096))
        case 3:
            let from = page()
            let to = page()
            bytes.replaceSubrange(to..<to + 4_096, with: Data(bytes[from..<from + 4_096]))
        default:
            for _ in 0..<10 {
                bytes[Int.random(in: 4_096..<bytes.count, using: &random)] = UInt8(truncatingIfNeeded: random.next())
            }
        }
        return bytes
    }
}

/// The system's file system, on a disk that can't read some bytes.
struct BadSectorFileSystem: FileSystemLayer {
    /// The bad ranges by file name.
    let bad: [String: [Range<Int64>]]
    private static let names = Guarded<[Int32: String]>([:])

    func open(_ name: String, in directory: Directory, _ access: FileAccess) throws(SystemError) -> Int32 {
        let descriptor = try below.open(name, in: directory, access)
        // Only files that are read in place have bad sectors, not the copies that are made of them.
        Self.names.withLock { $0[descriptor] = access.writes ? nil : name }
        return descriptor
    }

    func close(_ descriptor: Int32) {
        Self.names.withLock { $0[descriptor] = nil }
        below.close(descriptor)
    }

    func read(
        _ descriptor: Int32,
        into buffer: UnsafeMutableRawBufferPointer,
        at offset: Int64
    ) throws(SystemError) -> Int {
        let name = Self.names.withLock { $0[descriptor] } ?? ""
        if (bad[name] ?? []).contains(where: { $0.overlaps(offset..<offset + Int64(buffer.count)) }) {
            throw SystemError(errno: EIO, call: "read", path: name)
        }
        return try unsafe below.read(descriptor, into: buffer, at: offset)
    }
}
