import Foundation
import Lacuna
import Measuring

/// One store with Int64 ids, and the work that a driver asks for; and a store with ids of any type that is only
/// searched. Times are those of the work alone, without reading its input files.
final class StoreWorker {
    /// Whether searches use codes.
    private let codes: Bool
    private var store: VectorStore<Int64>?
    private var reader: StoreReader?

    init(codes: Bool) { self.codes = codes }

    func answer(_ request: Request) throws -> Reply {
        switch request.cmd {
        case "hello": hello
        case "open": try open(request)
        case "ingest": try ingest(request)
        case "put_single": try putSingle(request)
        case "settle" where codes: Reply(count: 1, seconds: try timed { _ = try current.accelerate() }.seconds)
        // Each batch is durable and in order already.
        case "settle", "sync": Reply(count: 1, seconds: try timed { try current.flush() }.seconds)
        case "get": try get(request)
        case "get_batch": try getBatches(request)
        case "search": try search(request)
        case "delete": try delete(request)
        case "compact": try compact(request)
        case "dump": try dump(request)
        case "close": try close()
        case "open_reader": try openReader(request)
        case "search_reader": try searchReader(request)
        default: Reply(unsupported: "there is no command \(request.cmd)")
        }
    }

    private var hello: Reply {
        Reply(
            note: "one thread writes, search takes as many as it is told",
            peer: "lacuna",
            version: "this checkout",
            durability: "data file synced, then SQLite's log, each batch",
            metric: "l2",
            exact: true,
            parallel: "internal",
            skip: ["search_ann": "search is exact"],
            compactors: [CompactionStrategy.rewrite, .inPlace, .punch].map(\.rawValue)
        )
    }

    private var current: VectorStore<Int64> {
        get throws {
            guard let store else { throw BadRequest(description: "no store is open") }
            return store
        }
    }

    // MARK: Its life

    private func open(_ request: Request) throws -> Reply {
        let (directory, dimension) = (try request.need(\.dir), try request.need(\.dim))
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let path = directory + "/store.lacuna"
        let duration = try timed {
            store =
                request.create == true
                ? try .create(at: path, configuration: .init(dimension: dimension, metric: .euclidean))
                : try .open(at: path)
        }
        return Reply(count: try current.count, seconds: duration.seconds)
    }

    private func close() throws -> Reply {
        let duration = try timed { try current.close() }
        store = nil
        return Reply(count: 1, seconds: duration.seconds)
    }

    // MARK: Writing

    private func ingest(_ request: Request) throws -> Reply {
        let (store, dimension, batch) = (try current, try request.need(\.dim), try request.need(\.batch))
        let end = try request.need(\.hi)
        var position = try request.need(\.lo)
        let budget = Budget(request)
        var spent = Duration.zero
        var count = 0
        while position < end, budget.allows(spent) {
            let rows = position..<min(position + batch, end)
            let ids = try RawFile.read(Int64.self, request.need(\.ids), rows)
            let vectors = try RawFile.vectors(request.need(\.data), rows, dimension)
            spent += try timed {
                try store.write { batch in
                    for (id, vector) in zip(ids, vectors) { try batch.put(vector, for: id) }
                }
            }
            count += rows.count
            position = rows.upperBound
        }
        return Reply(count: count, seconds: spent.seconds)
    }

    private func putSingle(_ request: Request) throws -> Reply {
        let store = try current
        let rows = try request.need(\.lo)..<(try request.need(\.hi))
        let ids = try RawFile.read(Int64.self, request.need(\.ids), rows)
        let vectors = try RawFile.vectors(request.need(\.data), rows, request.need(\.dim))
        return try each(of: ids.count, request) { try store.put(vectors[$0], for: ids[$0]) }
    }

    private func delete(_ request: Request) throws -> Reply {
        let (store, batch) = (try current, try request.need(\.batch))
        let ids = try RawFile.read(Int64.self, request.need(\.ids))
        return try batches(of: ids.count, batch, request) { try store.delete(Array(ids[$0])) }
    }

    private func compact(_ request: Request) throws -> Reply {
        guard let strategy = CompactionStrategy(rawValue: try request.need(\.variant)) else {
            return Reply(unsupported: "there is no such strategy")
        }
        let store = try current
        var report: CompactionReport?
        let duration = try timed { report = try store.compact(strategy) }
        return Reply(count: 1, seconds: duration.seconds, note: report.map { "\($0.movedRows) rows moved" })
    }

    // MARK: Reading

    private func get(_ request: Request) throws -> Reply {
        let store = try current
        let ids = try RawFile.read(Int64.self, request.need(\.ids))
        var copy = [Float](repeating: 0, count: try request.need(\.dim))
        var missing = 0
        let budget = Budget(request)
        let start = ContinuousClock.now
        var count = 0
        for id in ids where count % 64 != 0 || budget.allows(.now - start) {
            if try !store.copyVector(for: id, into: &copy) { missing += 1 }
            count += 1
        }
        let spent = ContinuousClock.now - start
        // These calls are measured separately: reading the clock twice for each call would slow the others down.
        var reply = try each(of: min(2_000, ids.count), request) { _ = try store.copyVector(for: ids[$0], into: &copy) }
        (reply.count, reply.seconds, reply.missing) = (count, spent.seconds, missing)
        return reply
    }

    private func getBatches(_ request: Request) throws -> Reply {
        let (store, batch) = (try current, try request.need(\.batch))
        let ids = try RawFile.read(Int64.self, request.need(\.ids))
        var copy = [Float](repeating: 0, count: try request.need(\.dim))
        return try batches(of: ids.count, batch, request) { part in
            try store.read { snapshot in
                for id in ids[part] where try snapshot.withVector(for: id, { copy.assign($0) }) == nil {
                    throw BadRequest(description: "there is no id \(id)")
                }
            }
        }
    }

    private func search(_ request: Request) throws -> Reply {
        let store = try current
        let (count, k, threads) = (try request.need(\.nq), try request.need(\.k), request.threads ?? 1)
        let queries = try RawFile.vectors(request.need(\.queries), 0..<count, request.need(\.dim))
        var found = [[Int64]](repeating: [], count: count)
        let together = request.mode == "many"
        guard together || request.mode == "exact" else { return Reply(unsupported: "search is exact") }
        _ = try store.search(for: queries[0], limit: k)
        let budget = Budget(request)
        let start = ContinuousClock.now
        var latencies = Latencies()
        var searched = 0
        repeat {
            if together {
                found = try store.search(forEach: queries, limit: k, options: .init(threads: threads)).map {
                    $0.map(\.id)
                }
                searched += count
                continue
            }
            for (number, query) in queries.enumerated() where budget.allows(.now - start) {
                latencies.record(
                    try timed {
                        found[number] = try store.search(for: query, limit: k, options: .init(threads: threads)).map(
                            \.id
                        )
                    }
                )
                searched += 1
            }
        } while (ContinuousClock.now - start).seconds < min(request.min_s ?? 0, budget.seconds)
        let spent = ContinuousClock.now - start
        let ids = found.flatMap { ids in (0..<k).map { $0 < ids.count ? ids[$0] : -1 } }
        try RawFile.write(ids, to: request.need(\.out))
        return Reply(count: searched, seconds: spent.seconds, latencies: latencies, callers: threads)
    }

    private func openReader(_ request: Request) throws -> Reply {
        reader = try StoreReader(request)
        return Reply(count: 1)
    }

    private func searchReader(_ request: Request) throws -> Reply {
        guard let reader else { throw BadRequest(description: "no store is open for reading") }
        return try reader.search(request)
    }

    private func dump(_ request: Request) throws -> Reply {
        let (store, dimension) = (try current, try request.need(\.dim))
        let ids = try RawFile.read(Int64.self, request.need(\.ids))
        var vectors: [Float] = []
        for id in ids { vectors += try store.vector(for: id) ?? [Float](repeating: .nan, count: dimension) }
        try RawFile.write(vectors, to: request.need(\.out))
        return Reply(count: ids.count)
    }

    // MARK: Loops that stop in time

    private func each(of count: Int, _ request: Request, _ body: (Int) throws -> Void) throws -> Reply {
        let budget = Budget(request)
        let start = ContinuousClock.now
        var latencies = Latencies()
        for number in 0..<count where budget.allows(.now - start) { latencies.record(try timed { try body(number) }) }
        let spent = ContinuousClock.now - start
        return Reply(count: latencies.count, seconds: spent.seconds, latencies: latencies)
    }

    private func batches<R>(
        of count: Int,
        _ size: Int,
        _ request: Request,
        _ body: (Range<Int>) throws -> R
    ) throws -> Reply {
        let budget = Budget(request)
        let start = ContinuousClock.now
        var done = 0
        while done < count, budget.allows(.now - start) {
            let part = done..<min(done + size, count)
            _ = try body(part)
            done = part.upperBound
        }
        return Reply(count: done, seconds: (ContinuousClock.now - start).seconds)
    }
}

private struct Budget {
    let seconds: Double

    init(_ request: Request) { seconds = request.budget_s ?? .infinity }

    func allows(_ spent: Duration) -> Bool { spent.seconds <= seconds }
}

extension Reply {
    fileprivate init(count: Int, seconds: Double, latencies: Latencies, callers: Int? = nil) {
        self.init(count: count, seconds: seconds)
        self.callers = callers
        guard latencies.count > 0 else { return }
        p50_us = latencies.percentile(50) * 1e6
        p99_us = latencies.percentile(99) * 1e6
    }
}

extension VectorStore {
    /// Copies a row into `copy`; returns false if there is no row.
    fileprivate func copyVector(for id: ID, into copy: inout [Float]) throws -> Bool {
        try withVector(for: id) { copy.assign($0) } != nil
    }
}

extension [Float] {
    fileprivate mutating func assign(_ vector: Span<Float>) {
        withUnsafeMutableBytes { target in
            vector.withUnsafeBytes { target.copyMemory(from: $0) }
        }
    }
}
