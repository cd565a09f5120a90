/// What a search asks for beyond its query, its limit and its filter. All of them hold together, and with a filter.
public struct SearchOptions<ID: VectorID>: Sendable {
    /// The largest distance of a match, which may itself be at this distance; nil for any. A smaller radius makes the
    /// search faster, if fewer rows than the limit lie within it.
    public var radius: Double?
    /// The ids among which to search; nil for all. Ids without a row are passed over, and an id that is there twice
    /// counts once. Each id is looked up, and then only these rows are compared.
    public var among: [ID]?
    /// The match after which the answer begins: ``VectorStore/cursor(after:)``. A search with the cursor of its last
    /// match gives the next page; use the same query, filter and options otherwise.
    public var after: SearchCursor?
    /// The number of threads; nil for all cores.
    public var threads: Int?

    /// The most ids among which a search looks.
    static var mostIDs: Int { 1_000_000 }

    /// Makes options; without arguments, those of a search for the nearest of all rows.
    public init(radius: Double? = nil, among: [ID]? = nil, after: SearchCursor? = nil, threads: Int? = nil) {
        self.radius = radius
        self.among = among
        self.after = after
        self.threads = threads
    }
}

/// A row like those that a search looks for, or unlike them: ``VectorStore/search(like:unlike:limit:where:options:)``.
public enum SearchExample<ID: VectorID>: Sendable {
    /// A row of the store. The answer leaves it out.
    case id(ID)
    /// Any vector of the store's dimension.
    case vector([Float])
}

extension SearchOptions {
    func check(_ record: StoreRecord, _ queries: Int) throws(VectorStoreError) {
        if let radius {
            guard radius.isFinite else {
                throw Self.invalid(
                    "the radius \(radius) is not a finite number",
                    "leave it out to find rows at any distance"
                )
            }
            guard radius >= 0 || record.metric == .dot else {
                throw Self.invalid(
                    "the radius \(radius) is negative, and no distance of the metric \(record.metric.rawValue) is",
                    "choose at least 0"
                )
            }
        }
        if let among, among.count > Self.mostIDs {
            throw Self.invalid(
                "\(among.count) ids are given to search among, of at most \(Self.mostIDs)",
                "search among some of them at a time, or use a filter"
            )
        }
        if let after {
            try after.check(record)
            if queries != 1 {
                throw Self.invalid(
                    "a cursor is given to a search for \(queries) queries",
                    "search for one query at a time"
                )
            }
        }
        if let threads, threads < 1 { throw Self.invalid("\(threads) threads are out of range", "use at least one") }
    }

    static func invalid(_ problem: String, _ remedy: VectorStoreError.Remedy) -> VectorStoreError {
        VectorStoreError(.invalidArgument, problem, remedy: remedy)
    }
}
