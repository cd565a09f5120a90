import TestSupport
import Testing

@testable import Lacuna

/// Rows that resemble nothing else, and everything that was ever put under their ids.
struct ErasedRows<ID: VectorID & Hashable> {
    struct Row {
        var vector: [Float]
        var metadata: String?
    }

    let dimension: Int
    var generator: SplitMix64
    /// The store's rows.
    var rows: [ID: Row] = [:]
    /// The ids in the order in which they came, since a dictionary's order differs in each process.
    private var ids: [ID] = []
    /// All vectors and tokens that the store ever held.
    private var vectors: [ID: [[Float]]] = [:]
    private var tokens: [ID: [String]] = [:]

    /// The lengths of metadata, in tokens: from a few bytes to several pages.
    private let metadataCopies: [Int]

    init(dimension: Int, seed: UInt64, metadataCopies: [Int] = [1, 1, 1, 2, 2, 10, 10, 40, 40, 300]) {
        self.dimension = dimension
        self.metadataCopies = metadataCopies
        generator = SplitMix64(seed: seed)
    }

    /// Makes a new version of a row, which the caller must put.
    private mutating func next(_ id: ID, vector isNew: Bool = true) -> Row {
        var row = rows[id] ?? Row(vector: [], metadata: nil)
        if isNew {
            row.vector = Remains.vector(dimension, &generator)
            vectors[id, default: []].append(row.vector)
        }
        let token = Remains.token(&generator)
        tokens[id, default: []].append(token)
        let copies = metadataCopies.randomElement(using: &generator) ?? 1
        row.metadata = "{\"text\":\"\(String(repeating: token, count: copies))\"}"
        rows[id] = row
        return row
    }

    mutating func fill(_ store: VectorStore<ID>, _ ids: [ID]) throws {
        let shuffled = ids.shuffled(using: &generator)
        self.ids += shuffled
        for start in stride(from: 0, to: ids.count, by: 500) {
            try store.write { batch in
                for id in shuffled[start..<min(start + 500, ids.count)] {
                    let row = next(id)
                    try batch.put(row.vector, for: id, metadataJSON: row.metadata)
                }
            }
        }
    }

    /// Replaces some rows, several times, and only the metadata of others.
    mutating func change(_ store: VectorStore<ID>) throws {
        for _ in 0..<3 {
            let changed = ids.filter { _ in Int.random(in: 0..<6, using: &generator) == 0 }
            try store.write { batch in
                for id in changed {
                    if Bool.random(using: &generator) {
                        let row = next(id)
                        try batch.put(row.vector, for: id, metadataJSON: row.metadata, replacing: true)
                    } else {
                        try batch.setMetadataJSON(next(id, vector: false).metadata, for: id)
                    }
                }
            }
        }
    }

    mutating func halfOfTheIDs() -> [ID] {
        ids.filter { _ in Bool.random(using: &generator) }
    }

    /// Removes ids from the model, and returns what must be gone with them, which includes earlier versions of the
    /// other rows.
    mutating func remains(of ids: [ID]) -> Remains {
        var remains = Remains()
        for id in ids { rows[id] = nil }
        for (id, versions) in vectors {
            for vector in versions.dropLast(rows[id] == nil ? 0 : 1) { remains.add(vector) }
        }
        for (id, versions) in tokens {
            for token in versions.dropLast(rows[id] == nil ? 0 : 1) { remains.add(token) }
        }
        return remains
    }

    /// Expects that all is well, and that nothing is left to be erased.
    func expectSurvivors(_ store: VectorStore<ID>, sourceLocation here: SourceLocation = #_sourceLocation) throws {
        try expectReadable(store, sourceLocation: here)
        let report = try store.verify()
        #expect(report.isSound && report.unknownFiles.isEmpty, "\(report)", sourceLocation: here)
        let pending = try store.readers.read { try $0.index.journal().contains { $0.state == .erasing } }
        #expect(!pending, sourceLocation: here)
    }

    /// Expects exactly these rows.
    func expectReadable(_ store: VectorStore<ID>, sourceLocation here: SourceLocation = #_sourceLocation) throws {
        #expect(try store.count == rows.count, sourceLocation: here)
        for (id, row) in rows {
            let vector = try store.vector(for: id)
            let metadata = try store.metadataJSON(for: id)
            let isSame = vector == row.vector && metadata == row.metadata
            #expect(isSame, "\(id)", sourceLocation: here)
        }
    }
}
