import Lacuna

/// A condition on metadata, for the store and as a function for the model.
struct SearchFilter {
    let filter: Filter
    let passes: (SearchModel, Int) -> Bool

    /// Passes `percent` percent of the rows, at random. Each variant has other values, and passes other rows.
    static func share(_ percent: Int, variant: Int) -> SearchFilter {
        let width = SearchModel.numbers * percent / 100
        // No row has a number from `numbers` on.
        let first = width == 0 ? SearchModel.numbers + variant : variant * 37 % (SearchModel.numbers - width)
        let range = first..<first + max(1, width)
        return SearchFilter(filter: .field("n").between(range.lowerBound, range.upperBound - 1)) {
            range.contains($0.number(of: $1))
        }
    }

    /// Passes the half of the rows that is farther from the first query. Each variant has another value.
    static func farHalf(variant: Int) -> SearchFilter {
        SearchFilter(filter: "metadata ->> 'far' > \(0.1 + Double(variant) / 1_000)") { $0.isFar($1) }
    }
}
