import Lacuna
import Measuring

/// Searches after each single delete and change of metadata. ``SearchesByReaders`` has those after puts.
struct SearchesAfterChanges {
    let meter: SearchMeter
    let store: SearchedStore<Int64>

    func run() throws {
        try measure("after a delete") { try store.delete() }
        // This comes last, since searches with filters read these rows next.
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
