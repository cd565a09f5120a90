@testable import Lacuna

/// A model of a store's contents, with which a recovered store is compared byte for byte.
struct CrashModel: Equatable, Sendable {
    struct Row: Equatable, Sendable {
        /// The vector's bit patterns.
        var bits: [UInt32]
        var metadata: String?
    }

    var rows: [Int64: Row] = [:]
    /// The fields with an index.
    var indexes: Set<String> = []

    var ids: [Int64] { rows.keys.sorted() }

    /// The contents of a store, read by pread(2) and again through the map.
    init(of store: VectorStore<Int64>) throws {
        try store.read { snapshot in
            try snapshot.forEach { row in
                rows[row.id] = Row(bits: row.vector.map(\.bitPattern), metadata: row.metadataJSON)
            }
            for (id, row) in rows where try snapshot.vector(for: id)?.map(\.bitPattern) != row.bits {
                throw Mismatch(what: "the map shows other bytes of \(id) than the file")
            }
        }
        indexes = Set(try store.indexes().flatMap(\.fields))
    }

    init() {}

    struct Mismatch: Error, CustomStringConvertible {
        let what: String
        var description: String { what }
    }

    /// Describes how `self` differs from `other`, for a message.
    func difference(from other: CrashModel) -> String {
        let all = Set(rows.keys).union(other.rows.keys).sorted()
        let different = all.filter { rows[$0] != other.rows[$0] }
        let parts = different.prefix(5).map { id in
            switch (rows[id], other.rows[id]) {
            case (nil, _): "\(id) is missing"
            case (_, nil): "\(id) is too many"
            case (let mine, let others):
                mine?.bits != others?.bits ? "\(id) has other bits" : "\(id) has other metadata"
            }
        }
        if different.isEmpty { return "the fields \(indexes) have indexes, and not \(other.indexes)" }
        return "\(different.count) rows differ: \(parts.joined(separator: ", "))"
    }
}

extension CrashModel {
    /// A row whose components depend on the id and the version. None of them is zero, and all are exact in float16. Two
    /// neighbouring ones tell id and version, modulo 1,024.
    static func vector(_ id: Int64, version: Int, dimension: Int) -> [Float] {
        (0..<dimension).map { index in
            let (ids, versions): (Int64, Int64) = index % 2 == 0 ? (131, 17) : (7, 30)
            return Float((id * ids + Int64(version) * versions + Int64(index % 13)) & 1_023) + 0.5
        }
    }

    /// The vector that a re-embedding makes of another one.
    static func reembedded(_ vector: [Float], to dimension: Int) -> [Float] {
        (0..<dimension).map { vector[$0 % vector.count] + 1 }
    }

    /// The state in which each row has its new vector.
    func reembedded(to dimension: Int) -> CrashModel {
        var next = self
        next.rows = rows.mapValues { row in
            let vector = Self.reembedded(row.bits.map { Float(bitPattern: $0) }, to: dimension)
            return Row(bits: vector.map(\.bitPattern), metadata: row.metadata)
        }
        return next
    }

    mutating func put(_ id: Int64, _ vector: [Float], _ metadata: String?) {
        rows[id] = Row(bits: vector.map(\.bitPattern), metadata: metadata)
    }

    /// Replaces a row by one with new metadata or none.
    mutating func replace(_ id: Int64, _ vector: [Float], _ metadata: String?, _ old: OldMetadata) {
        put(id, vector, metadata ?? (old == .keep ? rows[id]?.metadata : nil))
    }

    /// Applies a merge patch to a row's metadata.
    mutating func patch(_ id: Int64, _ patch: String) throws {
        let metadata = try JSONTree.patched(rows[id]?.metadata, by: patch)
        rows[id]?.metadata = metadata
    }
}
