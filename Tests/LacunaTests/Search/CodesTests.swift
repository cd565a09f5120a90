import Foundation
import TestSupport
import Testing

@testable import Lacuna

/// Answers are the same with and without codes, in every bit.
@Suite(.timeLimit(.minutes(40))) struct CodesTests {
    let scratch: Scratch

    init() throws { scratch = try Scratch() }

    /// The file of codes that searches use; nil if there is none.
    private func codes(_ store: VectorStore<Int64>) throws -> CodesMemory.Codes? {
        try store.readers.read { try store.memory.codes.codes($0) }
    }

    private func answers(_ store: VectorStore<Int64>, _ queries: [[Float]]) throws -> [[Match<Int64>]] {
        var answers = try store.search(forEach: queries, limit: 10)
        for query in queries.prefix(4) {
            for threads in [1, 3] {
                for limit in [1, 100] {
                    answers.append(try store.search(for: query, limit: limit, options: .init(threads: threads)))
                }
            }
        }
        return answers
    }

    /// Rows that vary mostly in a few directions, around a mean that isn't zero.
    static func rows(_ count: Int, _ dimension: Int, _ random: inout SplitMix64) -> [[Float]] {
        let directions = (0..<8).map { _ in random.floats(dimension) }
        return (0..<count).map { _ in
            var row = random.floats(dimension).map { 0.5 + $0 / 20 }
            for direction in directions {
                let factor = random.floats(1)[0]
                for index in row.indices { row[index] += factor * direction[index] }
            }
            return row
        }
    }

    private func store(_ rows: [[Float]], _ metric: DistanceMetric) throws -> VectorStore<Int64> {
        let store = try VectorStore<Int64>.create(
            at: scratch.store,
            configuration: .init(dimension: rows[0].count, metric: metric)
        )
        try store.write { batch in for (id, row) in rows.enumerated() { try batch.put(row, for: Int64(id)) } }
        return store
    }

    @Test("with a basis and without, beside dead, new and zero rows", arguments: DistanceMetric.allCases, [33, 128])
    func sameAnswers(metric: DistanceMetric, dimension: Int) throws {
        var random = SplitMix64(seed: 51)
        var rows = Self.rows(6_000, dimension, &random)
        rows[77] = [Float](repeating: 0, count: dimension)
        rows[78] = rows[79]
        rows[5_000] = rows[79].map { $0 * 1e30 }
        rows[5_001] = rows[79].map { $0 * 1e-30 }
        let store = try store(rows, metric)
        let queries =
            [rows[79], rows[77], rows[5_000], rows[5_001], [Float](repeating: 0.5, count: dimension)]
            + Self.rows(20, dimension, &random)
        var plain = try answers(store, queries)
        let report = try store.accelerate()
        #expect(report.rows == 5_888 && report.bytes > 0)
        #expect(report.components < dimension)
        #expect(try codes(store)?.end == Slot(5_888))
        #expect(try answers(store, queries) == plain)
        try store.delete((0..<6_000).filter { $0 % 3 == 1 || (2_000..<2_900).contains($0) }.map(Int64.init))
        let coded = try answers(store, queries)
        let reader = try VectorStore<Int64>.open(at: scratch.store, access: .readOnly)
        #expect(try codes(reader)?.end == Slot(5_888))
        #expect(try answers(reader, queries) == coded)
        try store.stopAccelerating()
        #expect(try codes(store) == nil && codes(reader) == nil)
        plain = try answers(store, queries)
        #expect(coded == plain)
        #expect(try store.verify().isSound)
    }

    /// A store of 3,000 rows with codes, and queries with their answers.
    private func acceleratedStore() throws -> (VectorStore<Int64>, [[Float]], [[Match<Int64>]]) {
        var random = SplitMix64(seed: 52)
        let store = try store(Self.rows(3_000, 64, &random), .cosine)
        let queries = Self.rows(6, 64, &random)
        let answers = try answers(store, queries)
        try store.accelerate()
        #expect(try codes(store)?.end == Slot(2_816))
        return (store, queries, answers)
    }

    private func listed() throws -> Int {
        try rawConnection(scratch.index).rows(1, "SELECT name FROM files").count
    }

    private func file() throws -> String {
        try #require(Directory.names(scratch.store).first { $0.hasSuffix(".codes") })
    }

    @Test("new rows are searched as they are, and then coded behind the others, in every handle")
    func newRows() throws {
        let (store, queries, _) = try acceleratedStore()
        let reader = try VectorStore<Int64>.open(at: scratch.store, access: .readOnly)
        #expect(try codes(reader)?.end == Slot(2_816))
        let before = try file()
        var random = SplitMix64(seed: 53)
        let new = Self.rows(1_000, 64, &random) + queries
        try store.write { batch in for (id, row) in new.enumerated() { try batch.put(row, for: Int64(10_000 + id)) } }
        #expect(try reader.search(for: queries[2], limit: 1).map(\.id) == [11_002])
        let right = try answers(store, queries)
        try store.accelerate()
        #expect(try file() == before)
        #expect(try codes(store)?.end == Slot(3_840) && codes(reader)?.end == Slot(3_840))
        #expect(try answers(store, queries) == right && answers(reader, queries) == right)
        // The codes of far more rows are made with another coder.
        try store.write { batch in
            for (id, row) in Self.rows(5_000, 64, &random).enumerated() { try batch.put(row, for: Int64(20_000 + id)) }
        }
        try store.accelerate()
        #expect(try file() != before && codes(reader)?.end == Slot(8_960))
        #expect(try answers(store, queries) == answers(reader, queries))
        #expect(try listed() == 1)
    }

    @Test("once rows were moved or erased, their codes are gone; a compaction makes them anew", arguments: 0...2)
    func movedRows(by operation: Int) throws {
        let (store, queries, answers) = try acceleratedStore()
        let reader = try VectorStore<Int64>.open(at: scratch.store, access: .readOnly)
        _ = try reader.search(for: queries[0], limit: 1)
        let found = Set(answers.joined().map(\.id))
        let unwanted = (0..<Int64(3_000)).filter { !found.contains($0) && $0 % 7 != 0 }
        let before = try file()
        if operation < 2 {
            try store.delete(unwanted)
            let report = try store.compact(operation == 0 ? .rewrite : .inPlace)
            let rows = try #require(report.acceleration?.rows)
            #expect(rows >= 256 && report.accelerationError == nil)
            #expect(try codes(store)?.end == Slot(rows) && codes(reader)?.end == Slot(rows))
            #expect(try file() != before)
            #expect(try store.compact(.punch).acceleration == nil)
        } else {
            try store.erase(unwanted)
            #expect(try codes(store) == nil && codes(reader) == nil)
            #expect(try Directory.names(scratch.store).filter { $0.hasSuffix(".codes") } == [])
            #expect(try self.answers(store, queries) == answers)
            try store.accelerate()
        }
        #expect(try listed() == 1)
        #expect(try codes(reader) != nil)
        #expect(try self.answers(store, queries) == answers && self.answers(reader, queries) == answers)
        #expect(try store.verify().isSound)
    }

    @Test("damaged, cut, foreign and missing files are passed over, and made anew", arguments: 0...7)
    func damage(_ damage: Int) throws {
        let (store, queries, answers) = try acceleratedStore()
        let name = try file()
        let path = scratch.file(name)
        try store.close()
        var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        let length = bytes.count
        switch damage {
        case 0: bytes[12] ^= 1
        case 1: bytes[45] ^= 1
        case 2: bytes[4_096 + 64] ^= 1
        case 3: bytes[length - 1_000] ^= 1
        case 4: bytes = bytes.prefix(length - 1)
        case 5: bytes = bytes.prefix(100)
        case 6: bytes = Data(repeating: 0, count: length)
        default: bytes = Data()
        }
        try bytes.write(to: URL(fileURLWithPath: path))
        if damage == 7 { try FileManager.default.removeItem(atPath: path) }
        let opened = try VectorStore<Int64>.open(at: scratch.store)
        #expect(try self.answers(opened, queries) == answers)
        #expect(try opened.verify().isSound)
        try opened.accelerate()
        #expect(try file() != name)
        #expect(try codes(opened)?.file.isSound(below: Slot(2_816)) == true)
        #expect(try self.answers(opened, queries) == answers)
        #expect(try VectorStoreRecovery.recover(at: scratch.store, dryRun: true).actions.isEmpty == true)
    }

    @Test("an acceleration that is stopped leaves the store as it was")
    func cancelled() throws {
        struct Stop: Error {}
        var random = SplitMix64(seed: 54)
        let store = try store(Self.rows(3_000, 64, &random), .cosine)
        #expect(throws: Stop.self) { try store.accelerate { if $0.done > 0 { throw Stop() } } }
        #expect(try codes(store) == nil)
        #expect(try Directory.names(scratch.store).filter { $0.hasSuffix(".codes") } == [])
        #expect(try store.accelerate().rows == 2_816)
        #expect(throws: VectorStoreError.self) {
            try VectorStore<Int64>.open(at: scratch.store, access: .readOnly).accelerate()
        }
    }

    @Test("a store with few rows, and one with long rows, gets codes without a basis")
    func withoutBasis() throws {
        var random = SplitMix64(seed: 55)
        let few = try store(Self.rows(100, 16, &random), .dot)
        #expect(try few.accelerate().rows == 0)
        #expect(try few.search(for: random.floats(16), limit: 3).count == 3)
        let path = scratch.file("../long")
        let long = try VectorStore<Int64>.create(at: path, configuration: .init(dimension: 5_000, metric: .euclidean))
        try long.write { batch in
            for (id, row) in Self.rows(300, 5_000, &random).enumerated() { try batch.put(row, for: Int64(id)) }
        }
        let query = Self.rows(1, 5_000, &random)[0]
        let answer = try long.search(for: query, limit: 20)
        let report = try long.accelerate()
        #expect(report.components == 5_000 && report.rows == 256)
        #expect(try long.search(for: query, limit: 20) == answer)
    }

    @Test("a backup wants codes if its store does, and has none")
    func backup() throws {
        let (store, queries, answers) = try acceleratedStore()
        let path = scratch.file("../backup")
        try store.backup(to: path)
        #expect(try Directory.names(path).filter { $0.hasSuffix(".codes") } == [])
        let copy = try VectorStore<Int64>.open(at: path)
        #expect(try self.answers(copy, queries) == answers)
        #expect(try copy.info.acceleration == .codes)
        #expect(try copy.accelerate().rows == 2_816)
        #expect(try self.answers(copy, queries) == answers)
    }

    @Test("a store may want codes when it is made, and get them with its first commit, or never")
    func wantedAtCreation() throws {
        let store = try VectorStore<Int64>.create(
            at: scratch.store,
            configuration: .init(dimension: 8, metric: .dot, acceleration: .codes)
        )
        #expect(try store.info.acceleration == .codes && store.space.codesBytes == 0)
        #expect(try store.accelerate().rows == 0)
        let row = [Float](repeating: 1, count: 8)
        try store.write { batch in for id in Int64(0)..<300 { try batch.put(row, for: id) } }
        let report = try store.accelerate()
        #expect(report.rows == 256)
        #expect(try store.space.codedSlots == 256 && store.space.codesBytes == report.bytes)
        try store.stopAccelerating()
        #expect(try store.info.acceleration == .off && store.space.codedSlots == 0 && store.space.codesBytes == 0)
    }

    @Test("rows that are all dead, or zero, have codes too")
    func rowsThatSayNothing() throws {
        let store = try VectorStore<Int64>.create(
            at: scratch.store,
            configuration: .init(dimension: 40, metric: .cosine)
        )
        let row = [Float](repeating: 0, count: 40)
        try store.write { batch in for id in Int64(0)..<600 { try batch.put(row, for: id) } }
        #expect(try store.accelerate().rows == 512)
        #expect(try store.search(for: [Float](repeating: 1, count: 40), limit: 3).map(\.id) == [0, 1, 2])
        try store.stopAccelerating()
        try store.delete(Array(0..<600))
        #expect(try store.accelerate().rows == 512)
        try store.put([Float](repeating: 1, count: 40), for: 1)
        #expect(try store.search(for: [Float](repeating: 1, count: 40), limit: 3).map(\.id) == [1])
    }

    @Test("the nearest rows that pass a filter are the same", arguments: [1, 10, 60])
    func filters(percent: Int) throws {
        let (store, queries, _) = try acceleratedStore()
        let filter: Filter = "id * 7919 % 100 < \(percent)"
        for query in queries.prefix(3) {
            let all = try store.search(for: query, limit: 3_000)
            let right = Array(all.filter { $0.id * 7919 % 100 < percent }.prefix(10))
            for _ in 0..<3 { #expect(try store.search(for: query, limit: 10, where: filter) == right) }
        }
    }

    @Test("a report tells how a search found its answer")
    func explained() throws {
        let (store, queries, answers) = try acceleratedStore()
        let (matches, report) = try store.explainedSearch(forEach: [queries[0]], limit: 1, options: .init(threads: 1))
        #expect(matches[0] == Array(answers[0].prefix(1)))
        #expect(report.plan == .allRows && report.threads == 1 && report.passes == 1)
        // The rows without codes are read as they are.
        #expect(report.codedRows == 2_816 && report.scannedRows == 3_000 - 2_816)
        #expect(report.leftByFirstLevel >= report.leftBySecondLevel)
        #expect((1...report.leftBySecondLevel + 184).contains(report.computedDistances))
        #expect(report.readBytes < 3_000 * 64 * 4 / 2)
        #expect(report.scanDuration <= report.duration)
        try store.stopAccelerating()
        let plain = try store.explainedSearch(forEach: queries, limit: 1).report
        #expect(plain.scannedRows == 3_000 && plain.codedRows == 0 && plain.readBytes == 3_000 * 64 * 4)
        func plan(_ filter: Filter) throws -> SearchReport.Plan {
            try store.explainedSearch(forEach: [queries[0]], limit: 1, where: filter).report.plan
        }
        #expect(try plan("id > 1") == .nearestFirst)
        #expect(try plan("id = -1") == .filterFirst)
        #expect(try plan("id = -1") == .rememberedFilter)
    }

    @Test("codes that were made while an erasure was pending go with the erased rows")
    func pendingErasure() throws {
        let (store, queries, _) = try acceleratedStore()
        let reader = try VectorStore<Int64>.open(at: scratch.store, access: .readOnly)
        try reader.read { _ in
            let error = #expect(throws: VectorStoreError.self) {
                try store.erase([5], Pace { _ in }, MaintenanceLimits(drainSeconds: 0.01))
            }
            #expect(error?.code == .busy)
            try store.accelerate()
        }
        #expect(try codes(store) != nil)
        let right = try answers(store, queries)
        try store.erase([])
        #expect(try codes(store) == nil)
        #expect(try Directory.names(scratch.store).filter { $0.hasSuffix(".codes") } == [])
        #expect(try answers(store, queries) == right)
    }

    @Test(
        "a row of the list that covers what no file can is ignored",
        arguments: [Int64.max, Int64.min + 1, -256, 300, 2_817, 1 << 20, 1 << 50] as [Int64]
    )
    func hostileList(covered: Int64) throws {
        let (store, queries, answers) = try acceleratedStore()
        try store.close()
        try tamper(scratch.index, "UPDATE files SET covered = \(covered)")
        let opened = try VectorStore<Int64>.open(at: scratch.store)
        #expect(try self.answers(opened, queries) == answers)
        #expect(try codes(opened) == nil)
        try opened.accelerate()
        #expect(try codes(opened)?.end == Slot(2_816))
        #expect(try self.answers(opened, queries) == answers)
    }

    @Test("the report counts the bytes of each element", arguments: ElementType.allCases)
    func readBytes(element: ElementType) throws {
        var random = SplitMix64(seed: 56)
        let configuration = VectorStoreConfiguration(dimension: 64, metric: .euclidean, element: element)
        let store = try VectorStore<Int64>.create(at: scratch.store, configuration: configuration)
        let rows = (0..<512).map { _ in random.floats(64, scale: 100).map { $0.rounded() } }
        try store.write { batch in for (id, row) in rows.enumerated() { try batch.put(row, for: Int64(id)) } }
        let plain = try store.explainedSearch(forEach: [rows[3]], limit: 5).report
        #expect(plain.readBytes == 512 * 64 * element.bytes)
        try store.accelerate()
        let coder = try #require(try codes(store)).file.coder
        let coded = try store.explainedSearch(forEach: [rows[3]], limit: 5).report
        #expect(coded.scannedRows == 0 && coded.codedRows == 512)
        let distances = Int64(coded.computedDistances) * 64 * element.bytes
        let codes = 512 / 16 * coder.blockBytes + coded.leftByFirstLevel * coder.secondLevelBytes
        #expect(coded.readBytes == Int64(codes) + distances)
    }

    @Test("a check of codes can be stopped")
    func stoppedCheck() throws {
        struct Stop: Error {}
        let (store, _, _) = try acceleratedStore()
        let file = try #require(try codes(store)).file
        var tiles = 0
        #expect(throws: Stop.self) {
            try file.isSound(below: Slot(2_816)) {
                tiles += 1
                if tiles == 3 { throw Stop() }
            }
        }
        #expect(tiles == 3)
    }

    @Test("a backup that was accelerated itself is replaced as a whole, with its codes")
    func acceleratedBackup() throws {
        let (store, queries, _) = try acceleratedStore()
        let path = scratch.file("../backup")
        try store.backup(to: path)
        let backup = try VectorStore<Int64>.open(at: path)
        try backup.accelerate()
        try backup.close()
        #expect(try Directory.names(path).contains { $0.hasSuffix(".codes") })
        // A backup with more commits than its store is refused.
        for id in Int64(50_000)..<50_010 { try store.put(queries[0], for: id) }
        let answers = try answers(store, queries)
        #expect(try store.backup(to: path, incremental: true).isIncremental == false)
        #expect(try !Directory.names(path).contains { $0.hasSuffix(".codes") })
        #expect(try self.answers(try VectorStore<Int64>.open(at: path), queries) == answers)
        #expect(try store.backup(to: path, incremental: true).isIncremental)
    }
}
