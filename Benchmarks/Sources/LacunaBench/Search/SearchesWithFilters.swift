import Lacuna
import Measuring

/// Searches with filters that the store hasn't seen before, and with one that it has seen. Some filters don't depend on
/// the distance, and one excludes the nearest half.
struct SearchesWithFilters {
    let meter: SearchMeter
    let store: SearchedStore<Int64>

    func run() throws {
        for percent in [0, 1, 10, 60] {
            let isLimited = percent > 0
            var variant = 0
            try measure("new filter, \(percent) % pass", isLimited ? SearchLimit(ratio: 2) : nil) {
                variant += 1
                return try store.search(where: .share(percent, variant: variant))
            }
            let seen = SearchFilter.share(percent, variant: 0)
            let situation = SearchSituation(
                name: "filter seen before, \(percent) % pass",
                limit: isLimited ? SearchLimit(ratio: 1.2) : nil
            )
            try meter.measureLasting(situation, beside: { try store.search() }) { try store.search(where: seen) }
        }
        var variant = 0
        func farHalf(limit: Int) throws -> Double {
            variant += 1
            return try store.search(0, where: .farHalf(variant: variant), limit: limit)
        }
        try measure("new filter, farther half passes", nil) { try farHalf(limit: SearchedStore<Int64>.limit) }
        try measure("the same, limit = all rows", nil) { try farHalf(limit: store.model.count) }
    }

    private func measure(_ name: String, _ limit: SearchLimit?, _ search: () throws -> Double) throws {
        try meter.measure(SearchSituation(name: name, limit: limit), beside: { try store.search() }, search)
    }
}
