import Lacuna
import Measuring

/// Searches with filters that the store hasn't seen before, and with one that it has seen, without an index on the field
/// and with one. Some filters don't depend on the distance, and one excludes the nearest half.
struct SearchesWithFilters {
    let meter: SearchMeter
    let store: SearchedStore<Int64>

    /// The longest time for evaluating a filter on a row that has metadata.
    private static let secondsPerRow = 0.6e-6

    func run() throws {
        var variant = 0
        func searchNew(_ percent: Int) throws -> Double {
            variant += 1
            return try store.search(where: .share(percent, variant: variant))
        }
        let evaluation = SearchLimit(ratio: 1, added: Double(store.model.count) * Self.secondsPerRow)
        try measure("new filter, none pass", evaluation) { try searchNew(0) }
        for percent in [1, 10, 60] {
            try measure("new filter, \(percent) % pass", SearchLimit(ratio: 2)) { try searchNew(percent) }
        }
        for (percent, limit) in [(0, 0.1), (1, 0.15), (10, 1.2), (60, 1.2)] {
            let seen = SearchFilter.share(percent, variant: 0)
            let situation = SearchSituation(
                name: "filter seen before, \(percent) % pass",
                limit: SearchLimit(ratio: limit)
            )
            try meter.measureLasting(situation, beside: { try store.search() }) { try store.search(where: seen) }
        }
        func farHalf(limit: Int) throws -> Double {
            variant += 1
            return try store.search(0, where: .farHalf(variant: variant), limit: limit)
        }
        try measure("new filter, farther half passes", nil) { try farHalf(limit: SearchedStore<Int64>.limit) }
        try measure("the same, limit = all rows", nil) { try farHalf(limit: store.model.count) }
        try store.handle.createMetadataIndex(on: "n")
        for (percent, limit) in [(0, 0.1), (1, 0.25), (10, 2), (60, 2)] {
            try measure("indexed field, \(percent) % pass", SearchLimit(ratio: limit)) { try searchNew(percent) }
        }
    }

    private func measure(_ name: String, _ limit: SearchLimit?, _ search: () throws -> Double) throws {
        try meter.measure(SearchSituation(name: name, limit: limit), beside: { try store.search() }, search)
    }
}
