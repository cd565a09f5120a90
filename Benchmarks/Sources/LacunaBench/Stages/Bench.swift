import Foundation
import Measuring

/// The work, which is the same for each store, and the place for its figures.
struct Bench: Sendable {
    /// The number of rows in a transaction.
    static let batch = 1_000

    let rows: Int
    let dimension: Int
    /// A stage that measures one kind of ids takes the first.
    let kinds: [IDKind]
    let runs: Int
    let contenders: [Contender]
    let putThreads: [Int]
    let getThreads: [Int]
    let deaths: [Deaths]
    let scratch: Scratch
    let pool: VectorPool

    var rowBytes: Int { dimension * MemoryLayout<Float>.stride }

    /// Measures each store in each run, and the machine if it has something to compare, so that noise hits all of them.
    /// The order changes, so that no store always has the warmer disk.
    func eachRun(besides machine: (() throws -> Void)? = nil, _ body: (Contender) throws -> Void) rethrows {
        for run in 0..<runs {
            try machine?()
            for turn in contenders.indices { try body(contenders[(turn + run) % contenders.count]) }
        }
    }

    /// Makes a store of all rows except the dead ones for each contender, and calls `body` with their places. The
    /// stores are removed afterwards.
    func withStores(
        _ name: String,
        _ kind: IDKind,
        dead: [Int] = [],
        _ body: ((Contender) -> String) throws -> Void
    ) throws {
        try scratch.withPath(name) { directory in
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            let path = { (contender: Contender) in directory + "/" + contender.rawValue }
            for contender in contenders {
                try Preparation(bench: self, kind: kind, path: path(contender), dead: dead).run(on: contender, kind)
            }
            try body(path)
        }
    }

    func vectors(_ rows: Range<Int>) -> [[Float]] { rows.map { pool.vector(for: Int64($0)) } }

    /// Puts rows in batches. The time doesn't include making their vectors.
    func put<S: BenchmarkStore>(_ ids: [S.ID], in store: S) throws -> Duration {
        try Self.batches(of: ids.count).reduce(.zero) { spent, batch in
            let (vectors, ids) = (vectors(batch), Array(ids[batch]))
            return try spent + timed { try store.put(vectors, for: ids) }
        }
    }

    func delete<S: BenchmarkStore>(_ ids: [S.ID], from store: S) throws -> Duration {
        let batches = Self.batches(of: ids.count).map { Array(ids[$0]) }
        return try timed {
            for batch in batches { try store.delete(batch) }
        }
    }

    static func batches(of count: Int) -> [Range<Int>] {
        stride(from: 0, to: count, by: batch).map { $0..<min($0 + batch, count) }
    }
}

/// Work on a store of any kind.
protocol StoreWork {
    func run<S: BenchmarkStore>(on: S.Type) throws
}

extension StoreWork {
    func run(on contender: Contender, _ kind: IDKind) throws {
        switch (contender, kind) {
        case (.lacuna, .uuid): try run(on: LacunaStore<UUID>.self)
        case (.lacuna, _): try run(on: LacunaStore<Int64>.self)
        case (.lmdb, .uuid): try run(on: LMDBStore<UUID>.self)
        case (.lmdb, _): try run(on: LMDBStore<Int64>.self)
        case (.sqlite, .uuid): try run(on: SQLiteStore<UUID>.self)
        case (.sqlite, _): try run(on: SQLiteStore<Int64>.self)
        }
    }
}

private struct Preparation: StoreWork {
    let bench: Bench
    let kind: IDKind
    let path: String
    let dead: [Int]

    func run<S: BenchmarkStore>(on: S.Type) throws {
        let ids: [S.ID] = kind.ids(bench.rows)
        let store = try S(creating: path, dimension: bench.dimension)
        _ = try bench.put(ids, in: store)
        _ = try bench.delete(dead.map { ids[$0] }, from: store)
        try store.close()
    }
}
