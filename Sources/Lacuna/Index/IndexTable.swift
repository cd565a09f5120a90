/// The tables in a reading connection's memory that have the entries of our indexes on fields. With a table of its
/// entries, an index is read alone. A search by SQLite's own plan would look up the metadata of each entry as well.
///
/// SQLite checks with each statement that the schema has the version (SQLite's "schema cookie") of the schema that it
/// has in memory. If it hasn't, SQLite forgets these tables with all that it knew, so that a statement with one of them
/// fails while it is compiled. So such a table is never read in a state in which the index has another root page.
struct IndexTables {
    /// The schema's version when the tables were made.
    private let schema: Int64?
    /// By the root page of the index: whether SQLite could make the table.
    private var made: [Int64: Bool] = [:]

    /// The value, its kind, and the id of the row.
    private static let columns = "field, kind, id"

    /// The name of the table of an index of ours; nil if SQLite can't make it, or if its name is taken. Call this in the
    /// transaction in which the number of the root page was read from the schema.
    mutating func table(ofIndexAt root: Int64, _ index: StoreIndex) throws(VectorStoreError) -> String? {
        let connection = index.connection
        guard connection.isInTransaction, let page = Int32(exactly: root), page > 1 else { return nil }
        let now = try index.pragma("schema_version")
        if now != schema { self = IndexTables(schema: now) }
        let name = "lacuna_index_\(page)"
        switch made[root] {
        case false: return nil
        case true where (try? connection.prepare("SELECT 1 FROM \(name)")) != nil: return name
        default:
            let isMade = (try? connection.makeIndexTable(name, columns: Self.columns, root: page)) != nil
            made[root] = isMade
            return isMade ? name : nil
        }
    }

    init(schema: Int64? = nil) { self.schema = schema }
}
