import Lacuna

/// Lacuna by its public interface, with its default options.
struct LacunaStore<ID: BenchmarkID>: BenchmarkStore {
    static var contender: Contender { .lacuna }
    static var compactions: [String] { [CompactionStrategy.rewrite, .inPlace, .punch].map(\.rawValue) }

    private let store: VectorStore<ID>

    init(creating path: String, dimension: Int) throws {
        store = try .create(at: path, configuration: .init(dimension: dimension, metric: .euclidean))
    }

    init(opening path: String) throws {
        store = try .open(at: path)
    }

    func put(_ vector: [Float], for id: ID) throws { try store.put(vector, for: id) }

    func put(_ vectors: [[Float]], for ids: [ID]) throws {
        try store.write { batch in
            for (id, vector) in zip(ids, vectors) { try batch.put(vector, for: id) }
        }
    }

    func delete(_ ids: [ID]) throws { try store.delete(ids) }

    func reader() -> Reader { Reader(store: store) }

    func compact(_ name: String) throws {
        guard let strategy = CompactionStrategy(rawValue: name) else { throw StoreFailure("compact \(name)", nil) }
        try store.compact(strategy)
    }

    func close() throws { try store.close() }

    struct Reader: BenchmarkReader {
        let store: VectorStore<ID>

        func withVector<R>(for id: ID, _ body: (UnsafeRawBufferPointer) -> R) throws -> R? {
            try store.withVector(for: id) { row in row.withUnsafeBytes(body) }
        }

        func copyVector(for id: ID, into copy: inout [Float]) throws -> Bool {
            guard let vector = try store.vector(for: id) else { return false }
            copy = vector
            return true
        }

        func close() {}
    }
}
