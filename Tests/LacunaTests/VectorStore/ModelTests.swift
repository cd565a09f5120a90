import Foundation
import Lacuna
import TestSupport
import Testing

/// Compares random operations with a dictionary that models them.
@Suite struct ModelTests {
    struct Setup: CustomTestStringConvertible, Sendable {
        let dimension: Int
        let metric: DistanceMetric
        let seed: UInt64
        var testDescription: String { "\(dimension) components, \(metric), seed \(seed)" }
    }

    static let setups = [
        Setup(dimension: 3, metric: .cosine, seed: 1), Setup(dimension: 17, metric: .dot, seed: 2),
        Setup(dimension: 1100, metric: .euclidean, seed: 3),
    ]

    @Test(arguments: setups) func integerIDs(_ setup: Setup) throws {
        try run(setup) { random in
            // The ids are both ends of the range and a few others, so operations meet the same ids again.
            let choices: [Int64] = [.min, .max, -1, 0]
            return Bool.random(using: &random)
                ? choices[Int.random(in: 0..<4, using: &random)] : .random(in: -40...40, using: &random)
        }
    }

    @Test(arguments: setups) func textIDs(_ setup: Setup) throws {
        let choices = [
            "", "a", "A", "é", "e\u{301}", "a b", "'", "\"", "%", "日本", "\u{10FFFF}", "\u{FFFF}", "a\n", "1", "01",
        ]
        try run(setup) { random in
            choices[Int.random(in: 0..<choices.count, using: &random)]
                + (Bool.random(using: &random) ? "" : String(Int.random(in: 0..<4, using: &random)))
        }
    }

    @Test(arguments: setups) func uuids(_ setup: Setup) throws {
        var random = SplitMix64(seed: setup.seed &+ 99)
        let choices = (0..<40).map { _ in
            let bytes = random.bytes(16).map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
            let parts = [0..<8, 8..<12, 12..<16, 16..<20, 20..<32].map { String(Array(bytes)[$0]) }
            return UUID(uuidString: parts.joined(separator: "-")) ?? UUID()
        }
        try run(setup) { random in choices[Int.random(in: 0..<choices.count, using: &random)] }
    }

    private func run<ID: VectorID>(_ setup: Setup, _ makeID: (inout SplitMix64) -> ID) throws {
        let scratch = try Scratch()
        var trial = Trial<ID>(
            store: try VectorStore<ID>.create(
                at: scratch.store,
                configuration: .init(dimension: setup.dimension, metric: setup.metric)
            ),
            path: scratch.store,
            setup: setup
        )
        for _ in 0..<60 {
            try trial.step(makeID)
            try expectSame(trial.store, trial.model, scratch.store)
            try trial.expectSearches()
        }
    }
}

/// One store, its model, and the random numbers that drive both.
private struct Trial<ID: VectorID> {
    var store: VectorStore<ID>
    let path: String
    let setup: ModelTests.Setup
    var model = StoreModel<ID>()
    var random: SplitMix64

    init(store: VectorStore<ID>, path: String, setup: ModelTests.Setup) {
        self.store = store
        self.path = path
        self.setup = setup
        random = SplitMix64(seed: setup.seed)
    }

    mutating func step(_ makeID: (inout SplitMix64) -> ID) throws {
        switch Int.random(in: 0..<23, using: &random) {
        case 0..<9: try batch(makeID)
        case 9, 10: try putOne(makeID(&random))
        case 11..<14: try deleteSome((0..<8).map { _ in makeID(&random) })
        case 14: try setMetadata(makeID(&random))
        case 15: try refusedBatch(makeID)
        case 16:
            #expect(try store.compact(.rewrite).strategy == (model.deadRuns.isEmpty ? nil : .rewrite))
            if !model.deadRuns.isEmpty { model.rewrite() }
        case 17: try store.compact(.punch)
        case 18:
            switch try store.compact().strategy {
            case .rewrite: model.rewrite()
            case .inPlace: model.compactInPlace()
            default: break
            }
        case 19: try patch(makeID(&random))
        case 20: try patchSome()
        case 21:
            #expect(try store.compact(.inPlace).strategy == (model.deadRuns.isEmpty ? nil : .inPlace))
            model.compactInPlace()
        default: try reopen()
        }
    }

    private mutating func batch(_ makeID: (inout SplitMix64) -> ID) throws {
        var next = model
        try store.write { batch in
            for _ in 0..<Int.random(in: 1...12, using: &random) {
                let id = makeID(&random)
                if Int.random(in: 0..<5, using: &random) == 0 {
                    batch.delete(id)
                    next.delete(id)
                } else {
                    let vector = random.floats(setup.dimension)
                    let json = metadata()
                    let old: OldMetadata = Int.random(in: 0..<3, using: &random) == 0 ? .drop : .keep
                    try batch.put(vector, for: id, metadataJSON: json, replacing: true, oldMetadata: old)
                    next.put(vector, for: id, json: json ?? (old == .keep ? next.json(of: id) : nil))
                }
            }
        }
        model = next
    }

    private mutating func putOne(_ id: ID) throws {
        let vector = random.floats(setup.dimension)
        if model.rows[IDKey(id)] != nil {
            let error = expectError(.duplicateID) { try store.put(vector, for: id) }
            #expect(error?.ids.count == 1)
        } else {
            try store.put(vector, for: id)
            model.put(vector, for: id, json: nil)
        }
    }

    private mutating func deleteSome(_ ids: [ID]) throws {
        let known = Set(ids.map(IDKey.init)).filter { model.rows[$0] != nil }
        #expect(try store.delete(ids) == known.count)
        for id in ids { model.delete(id) }
    }

    private mutating func setMetadata(_ id: ID) throws {
        let json = metadata()
        if model.rows[IDKey(id)] == nil {
            expectError(.unknownID) { try store.setMetadataJSON(json, for: id) }
        } else {
            try store.setMetadataJSON(json, for: id)
            model.setMetadata(json, for: id)
        }
    }

    private mutating func patch(_ id: ID) throws {
        let patch = aPatch()
        guard model.rows[IDKey(id)] != nil else {
            expectError(.unknownID) { try store.patchMetadataJSON(patch, for: id) }
            return
        }
        try store.patchMetadataJSON(patch, for: id)
        model.setMetadata(try JSONTree.patched(model.json(of: id), by: patch), for: id)
    }

    private mutating func patchSome() throws {
        let patch = aPatch()
        let n = Int.random(in: 0..<4, using: &random)
        let passing = model.inIDOrder.filter { $0.json?.contains("\"n\": \(n)") ?? false }
        #expect(try store.patchMetadataJSON(patch, where: "metadata ->> 'n' = \(n)") == passing.count)
        for row in passing { model.setMetadata(try JSONTree.patched(row.json, by: patch), for: row.id) }
    }

    /// Changes what searches and patches filter by, or something else.
    private mutating func aPatch() -> String {
        let n = Int.random(in: 1..<4, using: &random)
        let patches = [
            #"{"n":null}"#, #"{"é":null,"z":{"n":\#(n)}}"#, #"{"z":{"m":1e0,"n":null}}"#, #"{"\u00e9": "n"}"#, "{}",
        ]
        return patches[Int.random(in: patches.indices, using: &random)]
    }

    /// Makes changes of every kind, the last of which fails: none of them may stay.
    private mutating func refusedBatch(_ makeID: (inout SplitMix64) -> ID) throws {
        let ids = (0..<6).map { _ in makeID(&random) }
        let vectors = ids.map { _ in random.floats(setup.dimension) }
        expectError(.invalidVector) {
            try store.write { batch in
                for (id, vector) in zip(ids, vectors) { try batch.put(vector, for: id, replacing: true) }
                batch.delete(ids[0])
                try batch.put([Float](repeating: .nan, count: setup.dimension), for: ids[0])
            }
        }
    }

    private mutating func reopen() throws {
        try store.close()
        let before = try sizes(path + "/vectors-\(model.generation).f32")
        store = try .open(at: path)
        #expect(try sizes(path + "/vectors-\(model.generation).f32") == before)
    }

    mutating func expectSearches() throws {
        let query = random.floats(setup.dimension)
        // The tolerance covers the rounding of float32 over all components, with some room.
        let tolerance = 1e-6 * Double(setup.dimension).squareRoot() * (setup.metric == .cosine ? 1 : 10)
        for limit in [1, 5, 1000] {
            let expected = model.nearest(query, setup.metric)
            expectNearest(try store.search(for: query, limit: limit), expected, limit: limit, tolerance: tolerance)
        }
        let passing = model.nearest(query, setup.metric) { $0.json?.contains("\"n\": 1") ?? false }
        let matches = try store.search(for: query, limit: 4, where: "metadata ->> 'n' = \(1)")
        expectNearest(matches, passing, limit: 4, tolerance: tolerance)
    }

    /// Nil, or JSON with one of a few values for `n`, in an unusual spelling.
    private mutating func metadata() -> String? {
        switch Int.random(in: 0..<4, using: &random) {
        case 0: nil
        case let n: "{ \"z\":1.50,\"n\": \(n) ,\"é\":\"\\u00e9\" }"
        }
    }
}
