import Foundation
import Lacuna
import Measuring

/// Searches for the ten nearest rows, wherever something may make them slower than a warm one: first ones, after changes,
/// among dead rows, beside a compaction. Each answer is checked.
struct SearchStage {
    let bench: Bench
    let output: Output

    private var meter: SearchMeter { SearchMeter(bench: bench, output: output) }

    func run() throws {
        try SearchesByElement(meter: meter).run()
        let model = SearchModel(rows: bench.rows, dimension: bench.dimension)
        try withStore(of: Int64.self, model) { store in
            try SearchesByReaders(meter: meter, store: store).run()
            try SearchesAfterChanges(meter: meter, store: store).run()
            try GetsByReader(meter: meter, store: store).run()
            try SearchesAmongDead(meter: meter, store: store).run()
        }
        try withStore(of: String.self, model) { try SearchesByReaders(meter: meter, store: $0).run() }
        try withStore(of: UUID.self, model) { try SearchesByReaders(meter: meter, store: $0).run() }
    }

    private func withStore<ID: SearchedID>(
        of _: ID.Type,
        _ model: SearchModel,
        _ body: (SearchedStore<ID>) throws -> Void
    ) throws {
        try bench.scratch.withPath("search") { path in
            let store = try SearchedStore<ID>(creating: path, model)
            try body(store)
            try store.close()
        }
    }
}
