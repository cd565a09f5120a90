import Measuring

/// Searches that depend on the type of the ids: the first search of a handle and of a process, and searches after
/// another process's commit.
struct SearchesByReaders<ID: SearchedID> {
    let meter: SearchMeter
    let store: SearchedStore<ID>

    func run() throws {
        try measureWarm("warm") { try store.search() }
        try measure("first after open", Self.first) {
            try store.reopen()
            return try store.search()
        }
        try measure("after a put", SearchLimit(ratio: 1.1)) {
            try store.put()
            return try store.search()
        }
        try meter.bench.scratch.withPath("queries.f32") { path in
            try RawFile.write(store.model.queries.flatMap { $0 }, to: path)
            try measure("first of a process", Self.first) { try store.search(by: newReader(path)) }
            let reader = try newReader(path)
            try measureWarm("a process, warm") { try store.search(by: reader) }
            try measure("a process, after another's put", SearchLimit(ratio: 1.2)) {
                try store.put()
                return try store.search(by: reader)
            }
        }
    }

    private static var first: SearchLimit { SearchLimit(ratio: 1.5, added: 0.01) }

    private func newReader(_ queries: String) throws -> ReadingProcess {
        try ReadingProcess(store.path, ID.idKind, queries: queries, dimension: store.model.dimension)
    }

    private func measure(_ name: String, _ limit: SearchLimit, _ search: () throws -> Double) throws {
        try meter.measure(situation(name, limit), beside: { try store.search() }, search)
    }

    private func measureWarm(_ name: String, _ search: () throws -> Double) throws {
        try meter.measureLasting(situation(name, nil), beside: { try store.search() }, search)
    }

    private func situation(_ name: String, _ limit: SearchLimit?) -> SearchSituation {
        SearchSituation(name: name, ids: ID.idKind, rows: meter.bench.rows, limit: limit)
    }
}
