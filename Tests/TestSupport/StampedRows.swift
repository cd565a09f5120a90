package import Lacuna

/// Rows that all carry one number, the stamp of the commit that wrote them: in every component, and in the metadata.
package enum StampedRows {
    package struct Torn: Error, CustomStringConvertible {
        package let description: String
    }

    /// Puts the rows 0 to `count` - 1, in one commit.
    package static func put(_ stamp: Int, count: Int64, dimension: Int, _ store: VectorStore<Int64>) throws {
        let vector = [Float](repeating: Float(stamp), count: dimension)
        try store.write { batch in
            for id in 0..<count { try batch.put(vector, for: id, metadataJSON: json(stamp), replacing: true) }
        }
    }

    /// Returns the stamp of a row. Throws if the row has two.
    package static func stamp(_ row: StoredRow<Int64>) throws -> Int {
        guard let first = row.vector.first, row.vector.allSatisfy({ $0 == first }) else {
            throw Torn(description: "the row \(row.id) is torn: \(row.vector)")
        }
        guard row.metadataJSON == json(Int(first)) else {
            throw Torn(description: "the row \(row.id) of \(first) has \(row.metadataJSON ?? "no metadata")")
        }
        return Int(first)
    }

    private static func json(_ stamp: Int) -> String { "{\"stamp\":\(stamp)}" }
}
