/// A condition on rows, by which the store reads, counts, deletes or searches only some of them.
///
/// A filter is written in one of three forms:
///
///     // SQL over the columns `id` and `metadata`; what is interpolated is bound as a value and never read as SQL.
///     let recent: Filter = "metadata ->> 'year' >= \(year) AND id <> \(id)"
///     // Typed comparisons.
///     let small: Filter = .field("section") == "science" && .field("installed_kib") < 500
///     // JSON.
///     let same = try Filter(json: #"{"section": "science", "installed_kib": {"$lt": 500}}"#)
///
/// A row passes a filter or it doesn't: there is no third outcome. So `!` negates exactly, also for SQL that is NULL
/// for a row. Filters of all forms can be combined with `&&`, `||` and `!`.
///
/// A filter is checked when it is used; then the call throws `invalidFilter` for SQL that can't be read, that reads
/// anything but the two columns, or that costs too much. `docs/searching.md` says what each comparison means.
public struct Filter: Sendable {
    /// The parts of the filter's SQL: texts, and what stands between them.
    enum Piece: Sendable, Equatable {
        case text(FilterText)
        case open
        case close
        case and
        case or
        case isNotTrue
    }

    let pieces: [Piece]

    private init(_ pieces: [Piece]) { self.pieces = pieces }

    init(_ text: FilterText) { self.init([.text(text)]) }

    /// A filter of SQL that is known only when the program runs.
    ///
    /// This is the one way to make a filter from a text that isn't a literal: whoever wrote the text decides which rows
    /// pass. It can still read nothing but the rows, and change nothing. Don't build such a text from values; write
    /// `"id = \(id)"`, which binds them.
    ///
    /// - Parameters:
    ///   - sql: One SQL expression over the columns `id` and `metadata`.
    ///   - values: The values of its `?`, `?1` and `:name`.
    public init(sql: String, values: [any FilterValue] = []) {
        self.init(FilterText(parts: [.sql(sql)], values: values.map(\.filterScalar.sqlValue)))
    }

    /// The length of the filter's text.
    var bytes: Int {
        pieces.reduce(0) { bytes, piece in
            if case .text(let text) = piece { bytes + text.bytes } else { bytes + 1 }
        }
    }

    static func invalid(
        _ why: String,
        remedy: VectorStoreError.Remedy? = nil
    ) -> VectorStoreError {
        let problem = "the filter can't be used: \(why)"
        return VectorStoreError(.invalidFilter, problem, remedy: remedy)
    }
}

// MARK: Combining

extension Filter {
    /// The rows that pass both filters.
    public static func && (left: Filter, right: Filter) -> Filter { all([left, right]) }

    /// The rows that pass one of the filters, or both.
    public static func || (left: Filter, right: Filter) -> Filter { any([left, right]) }

    /// The rows that don't pass the filter, also those for which its SQL is NULL.
    public static prefix func ! (filter: Filter) -> Filter {
        Filter([.open] + filter.bracketed(in: .isNotTrue) + [.isNotTrue, .close])
    }

    /// The rows that pass all filters: every row if there is none.
    static func all(_ filters: [Filter]) -> Filter { joined(filters, .and) ?? Filter("TRUE") }

    /// The rows that pass one of the filters: none if there is none.
    static func any(_ filters: [Filter]) -> Filter { joined(filters, .or) ?? Filter("FALSE") }

    private static func joined(_ filters: [Filter], _ operation: Piece) -> Filter? {
        guard filters.count > 1 else { return filters.first }
        return Filter(Array(filters.map { $0.bracketed(in: operation) }.joined(separator: [operation])))
    }

    /// The pieces as an operand. A chain of the same operation stays without brackets, so that it isn't deep.
    private func bracketed(in operation: Piece) -> [Piece] {
        var depth = 0
        let isOperand =
            pieces.count > 1
            && pieces.allSatisfy { piece in
                switch piece {
                case .open: depth += 1
                case .close: depth -= 1
                case .text, .and, .or, .isNotTrue: return depth > 0 || piece == operation
                }
                return true
            }
        return isOperand ? pieces : [.open] + pieces + [.close]
    }
}

extension Filter: Equatable {
    /// Whether two filters are spelled alike and have the same values. Two filters that pass the same rows may be
    /// unequal.
    public static func == (left: Filter, right: Filter) -> Bool { left.pieces == right.pieces }
}
