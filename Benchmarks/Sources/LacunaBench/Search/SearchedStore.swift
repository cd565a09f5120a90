import Foundation
import Lacuna
import Measuring

/// A store and the model of its contents. Each change is made in both, and the model checks the rows that the store
/// finds.
final class SearchedStore<ID: SearchedID> {
    /// The number of rows that a search must find.
    static var limit: Int { 10 }

    let path: String
    private(set) var handle: VectorStore<ID>
    private(set) var model: SearchModel
    /// The number of the next search's query.
    private(set) var query = 0

    /// Makes a store of the model's live rows.
    init(creating path: String, _ model: SearchModel) throws {
        self.path = path
        self.model = model
        handle = try .create(at: path, configuration: .init(dimension: model.dimension, metric: .euclidean))
        let rows = model.liveRows
        for batch in Bench.batches(of: rows.count) {
            let puts = rows[batch].map { (ID(row: $0), model.vector(of: $0), model.metadata(of: $0)) }
            try handle.write { batch in
                for (id, vector, metadata) in puts { try batch.put(vector, for: id, metadataJSON: metadata) }
            }
        }
        try reopen()
    }

    private init(opening path: String, _ model: SearchModel) throws {
        self.path = path
        self.model = model
        handle = try .open(at: path)
    }

    func reopen() throws {
        try handle.close()
        handle = try .open(at: path)
    }

    func close() throws { try handle.close() }

    /// Makes another store with the same rows.
    func copy(to path: String) throws -> SearchedStore {
        try handle.close()
        try FileManager.default.copyItem(atPath: self.path, toPath: path)
        handle = try .open(at: self.path)
        return try SearchedStore(opening: path, model)
    }

    // MARK: Changes, of the row nearest to the next search's query, so that an answer that misses them is wrong

    /// Puts a new row, which becomes the nearest.
    func put() throws {
        let row = model.append(model.vector(near: query, 0.9))
        try handle.put(model.vector(of: row), for: ID(row: row), metadataJSON: model.metadata(of: row))
    }

    /// Gives the nearest row a vector at `share` times its distance.
    func replaceNearest(_ share: Float) throws {
        guard let row = nearestRow else { return }
        model.replace(row, with: model.vector(near: query, share))
        let (vector, metadata) = (model.vector(of: row), model.metadata(of: row))
        try handle.put(vector, for: ID(row: row), metadataJSON: metadata, replacing: true)
    }

    /// Gives the nearest row other metadata, which searches with filters must read.
    func setMetadata() throws {
        guard let row = nearestRow else { return }
        model.renumber(row)
        try handle.setMetadataJSON(model.metadata(of: row), for: ID(row: row))
    }

    /// Deletes the nearest row.
    func delete() throws {
        if let row = nearestRow { try delete([row]) }
    }

    func delete(_ rows: [Int]) throws {
        for batch in Bench.batches(of: rows.count) {
            rows[batch].forEach { model.delete($0) }
            try handle.delete(rows[batch].map { ID(row: $0) })
        }
    }

    private var nearestRow: Int? { model.nearest(to: query, limit: 1).first?.row }

    // MARK: Searches

    /// Returns one query after the other.
    private func takeQuery() -> Int {
        defer { query = (query + 1) % model.queries.count }
        return query
    }

    /// Searches, and checks what is found.
    ///
    /// - Parameters:
    ///   - query: The query; by default the next one.
    ///   - limit: The number of rows to find.
    /// - Returns: The search's seconds.
    func search(_ query: Int? = nil, where filter: SearchFilter? = nil, limit: Int = limit) throws -> Double {
        let query = query ?? takeQuery()
        let answer = try handle.answer(to: model.queries[query], limit: limit, where: filter?.filter)
        try model.check(answer, to: query, limit: limit, where: filter)
        return answer.seconds
    }

    /// Lets a process that reads this store search, and checks its answer.
    ///
    /// - Returns: The search's seconds.
    func search(by reader: ReadingProcess) throws -> Double {
        let query = takeQuery()
        let answer = try reader.search(query, limit: Self.limit)
        try model.check(answer, to: query, limit: Self.limit, where: nil)
        return answer.seconds
    }
}
