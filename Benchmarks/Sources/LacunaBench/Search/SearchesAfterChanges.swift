import Lacuna
import Measuring

/// After each single delete and change of metadata. After puts: ``SearchesByReaders``.
struct SearchesAfterChanges {
    let meter: SearchMeter
    let store: SearchedStore<Int64>

    func run() throws {
        try measure("after a delete") { try store.delete() }
        // Last: searches with filters look at these rows next.
        try measure("after a setMetadata") { try store.setMetadata() }
    }

    private func measure(_ name: String, _ change: () throws -> Void) throws {
        let situation = SearchSituation(name: name, rows: meter.bench.rows, limit: SearchLimit(ratio: 1.1))
        try meter.measure(situation, beside: { try store.search() }) {
            try change()
            return try store.search()
        }
    }
}
