import Foundation
import TestSupport
import Testing

@testable import Lacuna

/// Whatever options are combined, and by whatever plan rows are found, the answer is that of the definition.
@Suite(.timeLimit(.minutes(40))) struct SearchOptionsTests {
    let scratch: Scratch

    init() throws { scratch = try Scratch() }

    private static let dimension = 24

    /// One of few vectors, so that many rows are at equal distances; or, now and then, one of its own.
    private static func vector(_ random: inout SplitMix64) -> [Float] {
        if random.next() % 8 == 0 { return random.floats(dimension) }
        let kind = random.next() % 40
        return (0..<dimension).map { Float(Int(kind) * ($0 + 3) % 7 - 3) / 4 }
    }

    /// A value by which rows are told apart, with some that are nearly alike: JSON, or nil for none.
    private static func group(_ random: inout SplitMix64) -> String? {
        let number = random.next() % 12
        switch random.next() % 12 {
        case 0: return nil
        case 1: return "null"
        case 2: return ["true", "false"][Int(number % 2)]
        case 3: return "\(number).0"
        case 4: return "\"\(number)\""
        case 5: return ["\"é\"", "\"e\u{301}\"", "[1]", "[1, 2]", "{\"a\": 1}", "{\"a\":1}"][Int(number % 6)]
        case 6: return "\(number).5"
        default: return "\(number)"
        }
    }

    private func make<ID: VectorID>(
        _ count: Int,
        _ metric: DistanceMetric,
        _ random: inout SplitMix64,
        _ id: (Int) -> ID
    ) throws -> (VectorStore<ID>, RankedRows<ID>) {
        let store = try VectorStore<ID>.create(
            at: scratch.store,
            configuration: .init(dimension: Self.dimension, metric: metric)
        )
        var model = RankedRows<ID>(metric: metric)
        for number in 0..<count {
            let id = id(number)
            model.rows[IDKey(id)] = .init(
                id: id,
                vector: Self.vector(&random),
                number: number,
                group: Self.group(&random)
            )
        }
        try store.write { batch in
            for row in model.rows.sorted(by: { $0.value.number < $1.value.number }).map(\.value) {
                try batch.put(row.vector, for: row.id, metadataJSON: row.json)
            }
        }
        return (store, model)
    }

    /// Compares searches with options drawn at random with those of the model.
    private func compare<ID: VectorID>(
        _ store: VectorStore<ID>,
        _ model: RankedRows<ID>,
        _ random: inout SplitMix64,
        _ name: String
    ) throws {
        let ids = model.rows.sorted { $0.key < $1.key }.map(\.value.id)
        for trial in 0..<60 {
            let query = Self.vector(&random)
            let limit = [1, 3, 10, 70, 2_000][Int(random.next() % 5)]
            let all = model.ranked(query) { _ in true }
            func isChosen() -> Bool { random.next() % 2 == 0 }
            let radius = isChosen() ? all[Int(random.next() % UInt64(all.count))].distance : nil
            let share = random.next() % 30 + 1
            var among: [ID]? = isChosen() ? ids.filter { _ in random.next() % share == 0 } : nil
            if let first = among?.first { among?.append(first) }
            let after = isChosen() ? all[Int(random.next() % UInt64(all.count))] : nil
            let modulus = isChosen() ? [1, 2, 9, 200][Int(random.next() % 4)] : nil
            let most = isChosen() ? Int(random.next() % 3) + 1 : nil
            let right = model.search(
                query,
                limit: limit,
                radius: radius,
                among: among,
                after: after,
                mostOfGroup: most
            ) { row in
                modulus.map { row.number % $0 == 0 } ?? true
            }
            let options = SearchOptions<ID>(
                radius: radius,
                among: among,
                after: try after.map { try store.cursor(after: $0) },
                distinct: most.map { DistinctField("group", limit: $0) },
                threads: isChosen() ? 1 : 3
            )
            let filter: Filter? = modulus.map { "metadata ->> 'n' % \($0) = 0" }
            let found = try store.search(for: query, limit: limit, where: filter, options: options)
            let isRight = found == right
            #expect(
                isRight,
                "\(name), trial \(trial): limit \(limit), modulus \(modulus ?? 0), at most \(most ?? 0), \(options)"
            )
        }
    }

    private func throughChanges<ID: VectorID>(_ metric: DistanceMetric, _ seed: UInt64, _ id: (Int) -> ID) throws {
        var random = SplitMix64(seed: seed)
        var (store, model) = try make(1_900, metric, &random, id)
        try compare(store, model, &random, "new")
        let dead = (0..<1_900).filter { $0 % 3 == 1 || (700..<900).contains($0) }.map(id)
        try store.delete(dead)
        for id in dead { model.rows[IDKey(id)] = nil }
        try compare(store, model, &random, "beside dead rows")
        try store.accelerate()
        #expect(try store.space.codedSlots == 1_792)
        try compare(store, model, &random, "with codes")
        for number in 0..<300 where number % 3 == 0 {
            let key = IDKey(id(number))
            model.rows[key]?.vector = Self.vector(&random)
            if let row = model.rows[key] {
                try store.put(row.vector, for: row.id, metadataJSON: row.json, replacing: true)
            }
        }
        let reader = try VectorStore<ID>.open(at: scratch.store, access: .readOnly)
        try compare(reader, model, &random, "with codes and new rows, in another handle")
    }

    @Test(arguments: DistanceMetric.allCases) func integers(metric: DistanceMetric) throws {
        // The order of ids is another than that of slots.
        try throughChanges(metric, 71) { Int64($0 * 7_919 % 10_007) - 5_000 }
    }

    @Test func texts() throws {
        try throughChanges(.cosine, 72) { "\($0 % 13) é \($0)" }
    }

    @Test("paging through a store gives each row once, in the order of one long answer", arguments: [1, 7, 100])
    func pages(size: Int) throws {
        var random = SplitMix64(seed: 73)
        let (store, model) = try make(size == 1 ? 150 : 900, .euclidean, &random) { "id \($0)" }
        let query = Self.vector(&random)
        for filter: Filter? in [nil, "metadata ->> 'n' % 2 = 0"] {
            var paged: [Match<String>] = []
            while paged.count <= model.rows.count {
                let cursor = try paged.last.map { try store.cursor(after: $0) }
                let page = try store.search(for: query, limit: size, where: filter, options: .init(after: cursor))
                paged += page
                if page.count < size { break }
            }
            #expect(paged == model.ranked(query) { filter == nil || $0.number % 2 == 0 })
            try store.accelerate()
        }
    }

    @Test("a small radius makes searches read fewer rows of a store with codes, and compute fewer distances")
    func radiusReadsLess() throws {
        var random = SplitMix64(seed: 74)
        let store = try VectorStore<Int64>.create(
            at: scratch.store,
            configuration: .init(dimension: 128, metric: .euclidean)
        )
        let rows = CodesTests.rows(3_000, 128, &random)
        try store.write { batch in for (id, row) in rows.enumerated() { try batch.put(row, for: Int64(id)) } }
        let third = try store.search(for: rows[5], limit: 3)[2].distance
        func report(_ radius: Double?) throws -> SearchReport {
            let options = SearchOptions<Int64>(radius: radius, threads: 1)
            let (matches, report) = try store.explainedSearch(forEach: [rows[5]], limit: 100, options: options)
            #expect(matches[0].count == (radius == nil ? 100 : 3))
            return report
        }
        for _ in 0..<2 {
            #expect(try report(third).computedDistances * 4 < report(nil).computedDistances)
            try store.accelerate()
        }
        #expect(try report(third).readBytes < report(nil).readBytes)
    }

    @Test("a search among given ids compares only these rows")
    func among() throws {
        var random = SplitMix64(seed: 75)
        let (store, model) = try make(2_000, .dot, &random) { Int64($0) }
        let query = Self.vector(&random)
        let ids: [Int64] = [5, 1_999, 5, -7, 88, 2_000]
        let options = SearchOptions<Int64>(among: ids)
        let (matches, report) = try store.explainedSearch(forEach: [query], limit: 10, options: options)
        #expect(matches == [model.ranked(query) { [5, 88, 1_999].contains($0.id) }])
        #expect(report.plan == .givenRows && report.scannedRows == 3)
        let few = try store.explainedSearch(forEach: [query], limit: 10, where: "id < 6", options: options)
        #expect(few.matches.map { $0.map(\.id) } == [[5]] && few.report.plan == .givenRows)
        #expect(try store.search(for: query, limit: 10, options: .init(among: [])) == [])
        let slots = try store.read { try RowList($0.snapshot, among: ids.map(\.sqlValue)).slots.count }
        #expect(slots == 3)
    }

    @Test func invalidOptions() throws {
        var random = SplitMix64(seed: 76)
        let (store, _) = try make(10, .cosine, &random) { Int64($0) }
        let query = Self.vector(&random)
        for radius in [-0.1, .nan, .infinity, -.infinity] {
            expectError(.invalidArgument, "\(radius)") {
                try store.search(for: query, limit: 1, options: .init(radius: radius))
            }
        }
        let tooMany = [Int64](repeating: 1, count: SearchOptions<Int64>.mostIDs + 1)
        expectError(.invalidArgument) { try store.search(for: query, limit: 1, options: .init(among: tooMany)) }
        let cursor = try store.cursor(after: store.search(for: query, limit: 1)[0])
        expectError(.invalidArgument) {
            try store.search(forEach: [query, query], limit: 1, options: .init(after: cursor))
        }
        let other = try VectorStore<Int64>.create(
            at: scratch.path + "/other",
            configuration: .init(dimension: 24, metric: .dot)
        )
        expectError(.invalidArgument) { try other.search(for: query, limit: 1, options: .init(after: cursor)) }
        // Distances of this metric may be negative.
        try other.put([Float](repeating: 1, count: 24), for: 1)
        let ones = [Float](repeating: 1, count: 24)
        #expect(try other.search(for: ones, limit: 1, options: .init(radius: -24)).count == 1)
        #expect(try other.search(for: ones, limit: 1, options: .init(radius: -24.5)).isEmpty)
    }
}
