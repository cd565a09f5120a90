import Foundation
import Lacuna
import TestSupport
import Testing

/// Random writes to a range of ids to which nobody else writes, and a dictionary of the expected rows.
struct ModelledWrites: Sendable {
    private let dimension: Int
    private let ids: Range<Int64>
    private var random: SplitMix64
    private var rows: [Int64: (vector: [Float], json: String?)] = [:]
    private var version = 0

    init(dimension: Int, seed: UInt64, ids: Range<Int64>) {
        self.dimension = dimension
        self.ids = ids
        random = SplitMix64(seed: seed)
    }

    /// Makes one transaction of about `count` puts, replacements and deletes.
    mutating func step(_ store: VectorStore<Int64>, bulk count: Int) throws {
        var next = rows
        var random = random
        var version = version
        try store.write { batch in
            for _ in 0..<count {
                let id = Int64.random(in: ids, using: &random)
                if next[id] != nil, Int.random(in: 0..<3, using: &random) == 0 {
                    batch.delete(id)
                    next[id] = nil
                } else {
                    version += 1
                    let vector = Self.row(id, version, dimension)
                    let json = version % 3 == 0 ? nil : "{\"version\":\(version)}"
                    try batch.put(vector, for: id, metadataJSON: json, replacing: true)
                    // A row that is replaced keeps its metadata if there are no new ones.
                    next[id] = (vector, json ?? next[id]?.json)
                }
            }
        }
        self.random = random
        self.version = version
        rows = next
    }

    /// The components are small integers, which add up exactly: the first is the version, and the others also depend on
    /// the id.
    private static func row(_ id: Int64, _ version: Int, _ dimension: Int) -> [Float] {
        (0..<dimension).map { Float(version + Int(id) * $0) }
    }

    /// Whether a row is one of this id's versions, whole.
    static func isRow(_ row: Span<Float>, of id: Int64) -> Bool {
        row.indices.allSatisfy { row[$0] == row[0] + Float(Int(id) * $0) }
    }

    /// Removes rows that something else has deleted.
    mutating func forget(_ isGone: (Int64) -> Bool) { rows = rows.filter { !isGone($0.key) } }

    /// Checks that the store has exactly the expected rows in this writer's range.
    func check(_ store: VectorStore<Int64>, sourceLocation here: SourceLocation = #_sourceLocation) throws {
        var found = 0
        try store.forEach(where: "id >= \(ids.lowerBound) AND id < \(ids.upperBound)") { row in
            found += 1
            let expected = rows[row.id]
            let isSame = expected?.vector == row.vector && expected?.json == row.metadataJSON
            #expect(isSame, "id \(row.id)", sourceLocation: here)
        }
        #expect(found == rows.count, sourceLocation: here)
    }

    /// Checks the same by reads of single ids, also of ids without a row.
    func checkReads(_ store: VectorStore<Int64>, sourceLocation here: SourceLocation = #_sourceLocation) throws {
        for id in ids {
            let vector = try store.vector(for: id)
            #expect(vector == rows[id]?.vector, "id \(id)", sourceLocation: here)
        }
    }
}
