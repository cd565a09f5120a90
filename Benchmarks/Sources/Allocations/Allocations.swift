import CAllocations
import Foundation
import Lacuna
import Measuring

/// Counts the heap allocations that a row costs, those of SQLite included, on the paths that run once for each row.
struct Allocations<ID: VectorID> {
    let kind: String
    let ids: [ID]
    let store: VectorStore<ID>

    func run() throws {
        let vector = [Float](repeating: 1, count: Main.dimension)
        func put(_ ids: [ID], replacing: Bool) throws {
            try inBatches(ids) { ids in
                try store.write { batch in for id in ids { try batch.put(vector, for: id, replacing: replacing) } }
            }
        }
        try count("put, 1,000 a batch", ids.count) { try put(ids, replacing: false) }
        // Reads go through the index until a thread has filled the cache.
        try waitForCache()
        try count("contains", ids.count) { for id in ids { _ = try store.contains(id) } }
        try count("withVector", ids.count) { for id in ids { try store.withVector(for: id) { _ in } } }
        try count("vector(for:), an array", ids.count) { for id in ids { _ = try store.vector(for: id) } }
        let half = Array(ids.prefix(ids.count / 2))
        try count("put over, 1,000 a batch", half.count) { try put(half, replacing: true) }
        try count("delete, 1,000 a call", half.count) { try inBatches(half) { try store.delete($0) } }
        try count("compact by rewriting", ids.count - half.count) { try store.compact(.rewrite) }
    }

    private func waitForCache() throws {
        var before = -1
        while allocations_so_far() != before {
            before = allocations_so_far()
            for id in ids { try store.withVector(for: id) { _ in } }
        }
    }

    private func count(_ work: String, _ rows: Int, _ body: () throws -> Void) rethrows {
        let before = allocations_so_far()
        try body()
        let each = Double(allocations_so_far() - before) / Double(rows)
        print("\(kind), \(work): \(each.formatted(.number.precision(.fractionLength(3))))")
    }

    private func inBatches(_ ids: [ID], _ body: ([ID]) throws -> Void) rethrows {
        for begin in stride(from: 0, to: ids.count, by: 1_000) {
            try body(Array(ids[begin..<min(begin + 1_000, ids.count)]))
        }
    }
}

@main
enum Main {
    static let dimension = 32
    private static let rows = 20_000

    static func main() throws {
        guard allocations_so_far() >= 0 else {
            print("allocations can only be counted with glibc")
            return
        }
        print("allocations a row")
        try measure("integers", (0..<rows).map(Int64.init))
        try measure("texts", (0..<rows).map { "document-\($0)" })
        try measure("UUIDs", (0..<rows).map { _ in UUID() })
    }

    private static func measure<Kind: VectorID>(_ kind: String, _ ids: [Kind]) throws {
        try Scratch.with(in: nil) { scratch in
            let store = try VectorStore<Kind>.create(
                at: scratch.path + "/store",
                configuration: .init(dimension: dimension, metric: .euclidean)
            )
            try Allocations<Kind>(kind: kind, ids: ids, store: store).run()
            try store.close()
        }
    }
}
