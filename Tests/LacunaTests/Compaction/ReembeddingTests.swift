import Foundation
import Synchronization
import TestSupport
import Testing

@testable import Lacuna

/// All rows get new vectors, which become current at once.
@Suite struct ReembeddingTests {
    private let scratch: Scratch

    init() throws { scratch = try Scratch() }

    struct Stop: Error {}

    /// The new vector of a row: it tells the metadata's number (0 for none), and the old vector's first component.
    private static func new(_ json: String?, _ old: [Float], _ dimension: Int = 3) -> [Float] {
        let number = json.flatMap { Float($0.filter(\.isNumber)) } ?? 0
        return [number, old[0]] + [Float](repeating: 0.5, count: dimension - 2)
    }

    private static func embed(_: some Any, _ json: [String?], _ old: [[Float]]) -> [[Float]] {
        zip(json, old).map { new($0, $1) }
    }

    /// Rows 1 to `count` have two components, and a number in their metadata; each third has none.
    private func make(_ count: Int64, _ element: ElementType = .float32) throws -> VectorStore<Int64> {
        let configuration = VectorStoreConfiguration(
            dimension: 2,
            metric: .euclidean,
            element: element,
            model: EmbeddingModel("old")
        )
        let store = try VectorStore<Int64>.create(at: scratch.store, configuration: configuration)
        try store.write { batch in
            for id in 1...count { try batch.put([Float(id), -1], for: id, metadataJSON: Self.json(id)) }
        }
        return store
    }

    private static func json(_ id: Int64) -> String? { id % 3 == 0 ? nil : "{\"n\":\(id)}" }

    private func expectNew(_ store: VectorStore<Int64>, _ rows: [Int64: (json: String?, old: Float)]) throws {
        #expect(try store.ids() == rows.keys.sorted())
        for (id, row) in rows {
            #expect(try store.vector(for: id) == Self.new(row.json, [row.old]), "\(id)")
            #expect(try store.metadataJSON(for: id) == row.json, "\(id)")
        }
        let report = try store.verify()
        #expect(report.isSound && report.unknownFiles.isEmpty, "\(report)")
    }

    private static func rows(_ count: Int64) -> [Int64: (json: String?, old: Float)] {
        Dictionary(uniqueKeysWithValues: (1...count).map { ($0, (json($0), Float($0))) })
    }

    // MARK: From the beginning to the end

    @Test(arguments: ElementType.allCases) func allRowsGetNewVectors(_ element: ElementType) throws {
        let store = try make(20, element)
        try store.delete([7])
        let reader = try VectorStore<Int64>.open(at: scratch.store, access: .readOnly)
        #expect(try reader.vector(for: 1) == [1, -1])
        let model = EmbeddingModel("new", version: "2", normalized: false)
        var asked: [Int64] = []
        let report = try store.reembed(to: 3, model: model, rows: 6) { ids, json, old in
            asked += ids
            // Everybody goes on with the old vectors.
            let (dimension, last) = (try reader.info.dimension, try store.vector(for: 20))
            #expect(dimension == 2 && last == [20, -1])
            // A component of int8 is a whole number.
            return Self.embed(ids, json, old).map { $0.map { element == .int8 ? $0.rounded() : $0 } }
        }
        #expect(asked == (1...20).filter { $0 != 7 })
        #expect(report.rows == 19 && report.resumedRows == 0 && report.dimension == 3 && report.model == model)
        for handle in [store, reader] {
            let info = try handle.info
            #expect(info.dimension == 3 && info.model == model && info.reembedding == nil && info.element == element)
            #expect(info.generation == report.generation && handle.isReadOnly == (handle === reader))
            #expect(try handle.count == 19)
            #expect(try handle.vector(for: 8)?[..<2] == [8, 8])
            #expect(try handle.search(for: [8, 8, 0.5], limit: 1).map(\.id) == [8])
            expectError(.invalidVector) { try handle.search(for: [1, 2], limit: 1) }
        }
        expectError(.invalidVector) { try store.put([1, 2], for: 30) }
        try store.put([1, 2, 3], for: 30)
        #expect(try reader.vector(for: 30) == [1, 2, 3])
        #expect(try scratch.names().filter { $0.hasPrefix("vectors") } == [store.info.dataFile])
        #expect(try store.verify().isSound)
        try store.close()
        #expect(try VectorStore<Int64>.open(at: scratch.store).count == 20)
    }

    @Test func idsOfTextAndNoRows() throws {
        let store = try VectorStore<String>.create(at: scratch.store, configuration: .init(dimension: 2))
        #expect(try store.reembed(dimension: 5) { _, _, _ in [] }.rows == 0)
        try store.put([1, 2, 3, 4, 5], for: "é")
        try store.put([1, 2, 3, 4, 6], for: "z")
        try store.reembed(dimension: 1, model: EmbeddingModel("m")) { ids, _, old in
            #expect(ids == ["z", "é"])
            return old.map { [$0[4]] }
        }
        #expect(try store.vector(for: "é") == [5] && store.vector(for: "z") == [6])
        #expect(try store.verify().isSound && store.info.dimension == 1)
    }

    /// A cache of ids that is in use, and codes, are those of the rows before.
    @Test func cachesFollow() throws {
        let store = try VectorStore<Int64>.create(
            at: scratch.store,
            configuration: .init(dimension: 2, acceleration: .codes)
        )
        try store.write { batch in for id in Int64(0)..<2_000 { try batch.put([Float(id), 1], for: id) } }
        try store.accelerate()
        for id in Int64(0)..<2_000 { #expect(try store.vector(for: id) == [Float(id), 1]) }
        store.memory.rowIDs?.finishFilling()
        try store.delete([3])
        try store.reembed(dimension: 3) { _, _, old in old.map { [0, $0[0], 2] } }
        for id in Int64(0)..<2_000 where id != 3 { #expect(try store.vector(for: id) == [0, Float(id), 2]) }
        #expect(try store.vector(for: 3) == nil && store.info.acceleration == .codes)
        #expect(try store.search(for: [0, 1_999, 2], limit: 1).map(\.id) == [1_999])
        try store.accelerate()
        #expect(try store.search(for: [0, 0, 2], limit: 1).map(\.id) == [0])
        #expect(try store.verify().isSound)
    }

    // MARK: Beside writers

    /// What is written while rows are embedded is embedded again, or for the first time.
    @Test func writesAreEmbeddedToo() throws {
        let store = try make(20)
        var rows = Self.rows(20)
        var calls = 0
        let report = try store.reembed(to: 3, rows: 4) { ids, json, old in
            calls += 1
            switch calls {
            case 1:
                // Among these are rows of this batch, and of later ones.
                try store.put([101, 0], for: 1, replacing: true)
                rows[1]?.old = 101
                try store.setMetadataJSON("{\"n\":77}", for: 2)
                rows[2]?.json = "{\"n\":77}"
                try store.delete([3, 19])
                rows[3] = nil
                rows[19] = nil
            case 4:
                try store.patchMetadataJSON("{\"n\":78}", where: .id == 4)
                rows[4]?.json = "{\"n\":78}"
                try store.put([21, 0], for: 21)
                rows[21] = (nil, 21)
                try store.removeMetadata(for: 5)
                rows[5]?.json = nil
            case 5...9:
                try store.put([Float(100 * calls), 0], for: 6, replacing: true)
                rows[6]?.old = Float(100 * calls)
            default: break
            }
            return Self.embed(ids, json, old)
        }
        #expect(report.rows == rows.count)
        try expectNew(store, rows)
    }

    /// Each vector begins with the number that the row's metadata have in the same snapshot, and has the snapshot's
    /// dimension, whatever readers and writers do on other threads.
    @Test func readersAndWritersOnOtherThreads() async throws {
        let store = try await VectorStore<Int64>.create(
            at: scratch.store,
            configuration: .init(dimension: 2, metric: .euclidean)
        )
        for id in Int64(0)..<60 { try await store.put([Float(id), 1], for: id, metadataJSON: "{\"n\":\(id)}") }
        let reader = try await VectorStore<Int64>.open(at: scratch.store, access: .readOnly)
        let isDone = Atomic(false)
        let work: [@Sendable () throws -> Void] =
            [
                {
                    defer { isDone.store(true, ordering: .sequentiallyConsistent) }
                    for round in 0..<6 {
                        let dimension = [3, 2][round % 2]
                        // If the writer is faster than all rounds of a call, the next one goes on.
                        while try store.info.dimension != dimension {
                            do {
                                try store.reembed(to: dimension, rows: 7) { _, json, _ in
                                    json.map { Self.expected($0, dimension) }
                                }
                            } catch let error as VectorStoreError where error.code == .busy {}
                        }
                    }
                },
                {
                    var generator = SplitMix64(seed: 1)
                    var number = 100
                    while !isDone.load(ordering: .sequentiallyConsistent) {
                        number += 1
                        let id = Int64.random(in: 0..<70, using: &generator)
                        let count = try store.info.dimension
                        let vector = [Float(number)] + [Float](repeating: 1, count: count - 1)
                        do {
                            try store.put(vector, for: id, metadataJSON: "{\"n\":\(number)}", replacing: true)
                        } catch let error as VectorStoreError where error.code == .invalidVector {
                            // The dimension has changed since.
                        }
                        if number % 5 == 0 { try store.delete(Int64.random(in: 0..<70, using: &generator)) }
                    }
                },
            ]
            + [store, reader].map { handle in
                {
                    while !isDone.load(ordering: .sequentiallyConsistent) {
                        try handle.read { snapshot in
                            let dimension = snapshot.info.dimension
                            try snapshot.forEach { row in
                                #expect(row.vector == Self.expected(row.metadataJSON, dimension), "\(row.id)")
                            }
                            let query = [Float](repeating: 1, count: dimension)
                            #expect(try snapshot.search(for: query, limit: 100).count == snapshot.count)
                        }
                    }
                }
            }
        _ = try await withThrowingTaskGroup(of: Void.self) { group in
            for body in work { group.addTask { try await onThread(body) } }
            try await group.waitForAll()
        }
        let report = try await store.verify()
        #expect(try store.info.generation == 7 && report.isSound)
    }

    private static func expected(_ json: String?, _ dimension: Int) -> [Float] {
        [new(json, [0])[0]] + [Float](repeating: 1, count: dimension - 1)
    }

    @Test func wellAheadWritersEndIt() throws {
        let store = try make(3)
        var rows = Self.rows(3)
        var version = 0
        expectError(.busy) {
            try store.reembed(to: 3, rows: 8) { ids, json, old in
                version += 1
                try store.put([Float(100 + version), 0], for: 2, replacing: true)
                return Self.embed(ids, json, old)
            }
        }
        rows[2]?.old = Float(100 + version)
        #expect(try store.info.dimension == 2 && store.vector(for: 2) == [Float(100 + version), 0])
        #expect(try store.info.reembedding?.rows == 2)
        var asked: [Int64] = []
        let report = try store.reembed(to: 3, rows: 8) { ids, json, old in
            asked += ids
            return Self.embed(ids, json, old)
        }
        #expect(asked == [2] && report.resumedRows == 2)
        try expectNew(store, rows)
    }

    /// Handles that were opened with the old model don't compare its vectors with those of the new one.
    @Test func handlesOfTheOldModel() throws {
        try make(9).close()
        let (old, new) = (EmbeddingModel("old"), EmbeddingModel("new"))
        let store = try VectorStore<Int64>.open(at: scratch.store, options: .init(model: old))
        let reader = try VectorStore<Int64>.open(at: scratch.store, access: .readOnly, options: .init(model: old))
        let other = try VectorStore<Int64>.open(at: scratch.store, access: .readOnly)
        #expect(try reader.count == 9)
        try store.reembed(dimension: 2, model: new) { _, _, vectors in vectors.map { $0.reversed() } }
        #expect(try store.vector(for: 4) == [-1, 4] && other.vector(for: 4) == [-1, 4])
        #expect(try store.search(for: [-1, 4], limit: 1).map(\.id) == [4])
        for _ in 0..<2 { expectError(.differentModel) { try reader.search(for: [4, -1], limit: 1) } }
        expectError(.differentModel) { try reader.vector(for: 4) }
        try store.compact(.rewrite)
        try store.reembed(dimension: 2) { _, _, vectors in vectors.map { $0.reversed() } }
        // A store that doesn't say its model may be of any.
        #expect(try store.vector(for: 4) == [4, -1] && reader.vector(for: 4) == [4, -1])
    }

    // MARK: In parts

    private func stop(_ store: VectorStore<Int64>, after batches: Int, rows: Int = 4) throws {
        var calls = 0
        #expect(throws: Stop.self) {
            try store.reembed(to: 3, model: EmbeddingModel("new"), rows: rows) { ids, json, old in
                calls += 1
                if calls > batches { throw Stop() }
                return Self.embed(ids, json, old)
            }
        }
    }

    /// What other handles write in between is taken back.
    @Test func itGoesOn() throws {
        var store = try make(20)
        try stop(store, after: 3)
        let pending = try #require(try store.info.reembedding)
        #expect(pending.dimension == 3 && pending.model == EmbeddingModel("new") && pending.rows == 12)
        #expect(try store.info.dimension == 2 && store.info.model == EmbeddingModel("old"))
        try store.put([30, 0], for: 30)
        try store.close()
        store = try VectorStore<Int64>.open(at: scratch.store)
        #expect(try VectorStore<Int64>.open(at: scratch.store, access: .readOnly).info.reembedding == pending)
        var rows = Self.rows(20)
        rows[30] = (nil, 30)
        try store.put([105, 0], for: 5, replacing: true)
        rows[5]?.old = 105
        try store.setMetadataJSON("{\"n\":44}", for: 6)
        rows[6]?.json = "{\"n\":44}"
        try store.delete([7])
        rows[7] = nil
        #expect(try store.info.reembedding?.rows == 9)
        #expect(try store.verify().isSound && store.verify().unknownFiles.isEmpty)
        let report = try VectorStoreRecovery.recover(at: scratch.store, dryRun: true)
        #expect(report.state == .clean && report.actions.map(\.kind) == [.keepFile])
        var asked: [Int64] = []
        try store.reembed(to: 3, model: EmbeddingModel("new"), rows: 4) { ids, json, old in
            asked += ids
            return Self.embed(ids, json, old)
        }
        #expect(asked == [5, 6, 13, 14, 15, 16, 17, 18, 19, 20, 30])
        try expectNew(store, rows)
    }

    @Test func anotherOneIsRefused() throws {
        let store = try make(20)
        try stop(store, after: 2)
        for (dimension, model) in [(4, "new"), (3, "newer"), (3, nil)] {
            let model = model.map { EmbeddingModel($0) }
            let error = expectError(.busy) {
                try store.reembed(dimension: dimension, model: model) { _, _, _ in throw Stop() }
            }
            #expect(error?.remedy.calls == [.abortReembedding])
        }
        let before = try store.info.dataFile
        #expect(try store.abortReembedding())
        #expect(try !store.abortReembedding())
        #expect(try store.info.reembedding == nil && store.info.dataFile == before)
        #expect(try scratch.names().filter { $0.hasPrefix("vectors") } == [before])
        #expect(try rawConnection(scratch.index).value("SELECT count(*) FROM vectors") == 20)
        #expect(try store.vector(for: 4) == [4, -1] && store.verify().isSound)
        try store.reembed(dimension: 3) { Self.embed($0, $1, $2) }
        try expectNew(store, Self.rows(20))
    }

    /// Compactions in between move rows, and leave the staged ones alone; a rewrite is refused.
    @Test func compactionsInBetween() throws {
        let store = try make(40)
        try stop(store, after: 5)
        try store.delete(Array(2...30))
        let error = expectError(.busy) { try store.compact(.rewrite) }
        #expect(error?.remedy.calls == [.reembed, .abortReembedding, .compactInPlace])
        #expect(try store.compact(.inPlace).strategy == .inPlace)
        #expect(try store.compactionPlan().strategy != .rewrite)
        try store.writing().maintain(Pace { _ in }) { try $0.removeStaleRows() }
        #expect(try store.info.reembedding?.rows == 1)
        try store.reembed(to: 3, model: EmbeddingModel("new"), rows: 4) { Self.embed($0, $1, $2) }
        try expectNew(store, Self.rows(40).filter { $0.key == 1 || $0.key > 30 })
    }

    /// A backup has the store as it is, without the new vectors.
    @Test func aBackupLeavesItOut() throws {
        let store = try make(20)
        try stop(store, after: 3)
        let backup = scratch.path + "/backup"
        try store.backup(to: backup)
        let copy = try VectorStore<Int64>.open(at: backup)
        #expect(try copy.info.reembedding == nil && copy.count == 20 && copy.vector(for: 1) == [1, -1])
        #expect(try rawConnection(backup + "/index.sqlite").value("SELECT count(*) FROM vectors") == 20)
        #expect(try copy.verify().isSound && copy.verify().unknownFiles.isEmpty)
        #expect(try copy.compact(.rewrite).strategy == nil)
    }

    /// The new vectors of erased rows go, too, and the others stay.
    @Test func anErasureReachesIt() throws {
        var generator = SplitMix64(seed: 5)
        var remains = Remains()
        let store = try VectorStore<Int64>.create(at: scratch.store, configuration: .init(dimension: 8))
        for id in Int64(1)...40 { try store.put([Float](repeating: Float(id), count: 8), for: id) }
        var new: [Int64: [Float]] = [:]
        for id in Int64(1)...40 { new[id] = Remains.vector(8, &generator) }
        var calls = 0
        #expect(throws: Stop.self) {
            try store.reembed(to: 8, rows: 5) { ids, _, _ in
                calls += 1
                if calls == 7 { throw Stop() }
                return ids.map { new[$0]! }
            }
        }
        let erased = Array(Int64(3)...17)
        for id in erased { remains.add(new[id]!) }
        #expect(try remains.find(in: scratch.store).isEmpty == false)
        try store.erase(erased)
        #expect(try store.info.reembedding?.rows == 15)
        try store.close()
        #expect(try remains.find(in: scratch.store) == [])
        let again = try VectorStore<Int64>.open(at: scratch.store)
        try again.reembed(to: 8, rows: 5) { ids, _, _ in ids.map { new[$0]! } }
        for id in Int64(1)...40 where !erased.contains(id) { #expect(try again.vector(for: id) == new[id]) }
        #expect(try again.verify().isSound)
    }

    // MARK: Bad input

    @Test func badVectorsAreRefused() throws {
        let store = try make(5, .float16)
        let bad: [([[Float]], String)] = [
            ([[1, 2, 3]], "1 new vectors"), (Array(repeating: [1, 2], count: 5), "id 1 "),
            ([[1, 2, 3], [1, 2, 3], [1, .nan, 3], [1, 2, 3], [1, 2, 3]], "id 3 "),
            ([[1, 2, 3], [1, 70_000, 3], [1, 2, 3], [1, 2, 3], [1, 2, 3]], "id 2 "),
        ]
        for (vectors, what) in bad {
            let error = expectError(.invalidVector) { try store.reembed(dimension: 3) { _, _, _ in vectors } }
            #expect(error?.problem.contains(what) == true, "\(error?.problem ?? "")")
        }
        for dimension in [0, -1, 65_537] {
            expectError(.invalidArgument) { try store.reembed(dimension: dimension) { _, _, _ in [] } }
        }
        expectError(.invalidArgument) {
            try store.reembed(dimension: 3, model: EmbeddingModel("")) { _, _, _ in [] }
        }
        #expect(try store.info.dimension == 2 && store.vector(for: 1) == [1, -1] && store.verify().isSound)
        let reader = try VectorStore<Int64>.open(at: scratch.store, access: .readOnly)
        expectError(.readOnly) { try reader.reembed(dimension: 3) { _, _, _ in [] } }
        expectError(.readOnly) { try reader.abortReembedding() }
    }

    /// A row that has rotted can't be embedded: what the closure would see isn't what was put.
    @Test func rotIsNoticed() throws {
        try make(20).close()
        try edit(scratch.file("vectors-1.f32")) { file in
            try file.seek(toOffset: 4_096 + 8 * 9)
            try file.write(contentsOf: Data([1]))
        }
        let store = try VectorStore<Int64>.open(at: scratch.store)
        let error = expectError(.damaged) { try store.reembed(to: 3, rows: 4) { Self.embed($0, $1, $2) } }
        #expect(error?.ids == ["10"])
        #expect(try store.info.reembedding?.rows == 8 && store.info.dimension == 2)
    }

    /// Salvage takes the rows that the store has, with the old vectors.
    @Test(arguments: [nil, "DROP TABLE compaction_journal", "DELETE FROM store"])
    func aSalvageTakesTheOldVectors(_ damage: String?) throws {
        let store = try make(20)
        try stop(store, after: 3)
        try store.close()
        if let damage { try tamper(scratch.index, damage) }
        let salvaged = try SalvagedStore(scratch)
        #expect(salvaged.verified.count == 20 && salvaged.report.setAside.isEmpty && salvaged.report.dimension == 2)
        #expect(salvaged.verified.allSatisfy { $0.vector.count == 2 && $0.vector[1] == -1 })
    }

    @Test func aSalvageWithoutAnIndexTakesTheLongerFile() throws {
        let store = try make(20)
        try stop(store, after: 3)
        try store.close()
        try remove(scratch.index)
        let salvaged = try SalvagedStore(scratch)
        #expect(salvaged.unverified.count == 20 && salvaged.report.dimension == 2)
        #expect(salvaged.report.problems.contains { $0.contains("vectors-2.f32 has rows of another dimension") })
    }

    // MARK: Recovery

    /// If the target isn't what it was, only its work is lost.
    @Test(arguments: ["missing", "cut", "empty", "another's"]) func aBadTargetIsDropped(_ what: String) throws {
        var store = try make(20)
        try stop(store, after: 3)
        try store.close()
        let target = scratch.file("vectors-2.f32")
        switch what {
        case "missing": try remove(target)
        case "cut": try edit(target) { try $0.truncate(atOffset: 4_096 + 3 * 12) }
        case "empty": try edit(target) { try $0.truncate(atOffset: 0) }
        default:
            try remove(target)
            try copyItem(scratch.file("vectors-1.f32"), to: target)
        }
        store = try VectorStore<Int64>.open(at: scratch.store)
        #expect(try store.info.reembedding == nil)
        #expect(try store.count == 20 && store.vector(for: 1) == [1, -1] && store.verify().isSound)
        #expect(exists(target) == (what == "another's"))
        try store.compact(.rewrite)
        try store.reembed(dimension: 3) { Self.embed($0, $1, $2) }
        try expectNew(store, Self.rows(20))
    }

    /// A row of `reembedding` that only a forged or rotten index has: it is refused, and salvage works all the same.
    @Test(arguments: ["1, 2, 0, 0", "524289, 2, 0, 0", "9, 0, 0, 0", "9, 65537, 0, 0", "9, 2, \(1 << 60), 0"])
    func aForgedRow(_ values: String) throws {
        try make(5).close()
        try tamper(scratch.index, "INSERT INTO reembedding VALUES (1, \(values), NULL, NULL, NULL)")
        expectError(.damaged) { try VectorStore<Int64>.open(at: scratch.store) }
        #expect(try VectorStore<Int64>.open(at: scratch.store, access: .readOnly).count == 5)
        #expect(try SalvagedStore(scratch).verified.count == 5)
    }

    /// Nothing in the journal belongs to the row.
    @Test func aRowWithoutAJournalEntryIsDropped() throws {
        try make(5).close()
        try tamper(scratch.index, "INSERT INTO reembedding VALUES (1, 9, 3, 0, 0, NULL, NULL, NULL)")
        let store = try VectorStore<Int64>.open(at: scratch.store)
        #expect(try store.info.reembedding == nil && store.verify().isSound)
        try store.reembed(dimension: 3) { Self.embed($0, $1, $2) }
        try expectNew(store, Self.rows(5))
    }

    /// A shell that writes meanwhile is noticed.
    @Test func anotherProgramWrites() throws {
        let store = try make(20)
        var calls = 0
        expectError(.busy) {
            try store.reembed(to: 3, rows: 4) { ids, json, old in
                calls += 1
                if calls == 2 { try tamper(scratch.index, "CREATE TABLE theirs (x)") }
                return Self.embed(ids, json, old)
            }
        }
        #expect(try store.info.dimension == 2 && store.info.reembedding?.rows == 20)
        try store.reembed(to: 3, rows: 4) { _, _, _ in throw Stop() }
        try expectNew(store, Self.rows(20))
    }
}
