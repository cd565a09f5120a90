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
    /// The field of metadata of which each value may occur only so often in the answer; nil for no such limit.
    public var distinct: DistinctField?
    /// The number of threads; nil for all cores.
    public var threads: Int?

    /// The most ids among which a search looks.
    static var mostIDs: Int { 1_000_000 }

    /// Makes options; without arguments, those of a search for the nearest of all rows.
    public init(
        radius: Double? = nil,
        among: [ID]? = nil,
        after: SearchCursor? = nil,
        distinct: DistinctField? = nil,
        threads: Int? = nil
    ) {
        self.radius = radius
        self.among = among
        self.after = after
        self.distinct = distinct
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

/// A field of metadata of which each value may occur only so often in an answer, such as the document of a chunk:
/// ``SearchOptions/distinct``.
///
///     let matches = try store.search(for: query, limit: 10, options: .init(distinct: "document"))
///
/// The rows that belong to the answer are chosen from the whole ranking: a row is one too many if as many rows of its
/// value as are allowed come before it, also on earlier pages. A row without the field, or with null, counts for
/// itself, and is never too many.
///
/// Two values are the same if both are numbers that are equal (1 and 1.0), texts of the same bytes, the same Boolean, or
/// arrays or objects of the same JSON text, white space aside.
///
/// The field is read of the nearest rows, in a few microseconds for each, until there are enough. If that takes too many,
/// because the nearest rows have few values, it is read of all rows, in about two seconds for a million, and remembered:
/// after commits of this handle only the rows that these have changed are read.
public struct DistinctField: Sendable, ExpressibleByStringLiteral {
    let keys: [String]
    let limit: Int

    /// Makes a limit on the values of a field.
    ///
    /// - Parameters:
    ///   - key: A key of the metadata, in any characters; a dot in it is a dot.
    ///   - more: The keys inside of it, if its value is an object.
    ///   - limit: The most rows with the same value, at least 1.
    public init(_ key: String, _ more: String..., limit: Int = 1) {
        self.init(keys: [key] + more, limit: limit)
    }

    /// - Parameter keys: At least one.
    package init(keys: [String], limit: Int = 1) {
        self.keys = keys
        self.limit = limit
    }

    /// The field with this key, of which each value may occur once.
    public init(stringLiteral key: String) { self.init(key) }
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
        if let distinct, distinct.limit < 1 {
            throw Self.invalid("\(distinct.limit) rows with the same value are out of range", "allow at least one")
        }
        if let threads, threads < 1 { throw Self.invalid("\(threads) threads are out of range", "use at least one") }
    }

    static func invalid(_ problem: String, _ remedy: VectorStoreError.Remedy) -> VectorStoreError {
        VectorStoreError(.invalidArgument, problem, remedy: remedy)
    }
}
