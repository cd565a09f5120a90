import Lacuna

/// The rows that the tortured store must contain after a number of calls.
struct TortureModel {
    struct Row: Equatable {
        /// The components' bit patterns.
        var bits: [UInt32]
        /// The bytes of the text, because strings with different bytes may be equal.
        var metadata: [UInt8]?
    }

    private let workload: TortureWorkload
    /// The number of calls made.
    private(set) var operations = 0
    private(set) var rows: [Int64: Row] = [:]
    private var live: Set<Int64> = []

    init(_ workload: TortureWorkload) { self.workload = workload }

    /// Makes the next call.
    @discardableResult
    mutating func advance() -> TortureCall {
        operations += 1
        let call = workload.call(operations, &live)
        switch call {
        case .write(let changes): for change in changes { apply(change) }
        case .delete(let ids), .erase(let ids): for id in ids { rows[id] = nil }
        case .compact, .reopen: break
        }
        return call
    }

    private mutating func apply(_ change: TortureChange) {
        switch change {
        case .put(let id, let vector, let metadata, _):
            // A row that is replaced keeps its metadata if there are no new ones.
            let metadata = metadata.map { Array($0.utf8) } ?? rows[id]?.metadata
            rows[id] = Row(bits: vector.map(\.bitPattern), metadata: metadata)
        case .setMetadata(let id, let metadata): rows[id]?.metadata = metadata.map { Array($0.utf8) }
        case .delete(let id): rows[id] = nil
        }
    }

    /// All rows of a store, read by pread(2) and again through the map.
    static func rows(of store: VectorStore<Int64>) throws -> [Int64: Row] {
        var rows: [Int64: Row] = [:]
        try store.read { snapshot in
            try snapshot.forEach { row in
                let bits = row.vector.map(\.bitPattern)
                let mapped = try snapshot.vector(for: row.id)?.map(\.bitPattern)
                guard mapped == bits else {
                    throw TortureFailure("the map shows other bytes of the id \(row.id) than the file")
                }
                rows[row.id] = Row(bits: bits, metadata: row.metadataJSON.map { Array($0.utf8) })
            }
        }
        return rows
    }

    /// Describes how `found` differs from the rows that must be there; nil if it doesn't.
    func difference(from found: [Int64: Row]) -> String? {
        let ids = Set(rows.keys).union(found.keys).filter { rows[$0] != found[$0] }.sorted()
        if ids.isEmpty { return nil }
        let shown = ids.prefix(5).map { id in
            guard let row = found[id] else { return "\(id) is missing" }
            guard let expected = rows[id] else { return "\(id) should not be there" }
            return row.bits == expected.bits ? "\(id) has other metadata" : "\(id) has another vector"
        }
        return
            "\(counted(ids.count, "id differs", plural: "ids differ")): \(shown.joined(separator: ", "))\(ids.count > 5 ? ", …" : "")"
    }
}

/// A promise that the store broke.
struct TortureFailure: Error {
    let message: String

    init(_ message: String) { self.message = message }
}
