import Measuring

/// What people ask beside a query: which rows count, one row of each document, and words. Each is measured beside a
/// search for the query alone, and each answer is checked.
struct QuestionsStage {
    let bench: Bench
    let output: Output

    func run() throws {
        let meter = SearchMeter(bench: bench, output: output, stage: .questions)
        let model = SearchModel(rows: bench.rows, dimension: bench.dimension)
        try bench.scratch.withPath("questions") { path in
            let store = try SearchedStore<Int64>(creating: path, model)
            try SearchesWithFilters(meter: meter, store: store).run()
            try store.close()
        }
        try SearchesOfDocuments(meter: meter).run()
        try SearchesForWords(meter: meter).run()
        try PutsBesideIndexes(bench: bench, output: output).run()
    }
}
