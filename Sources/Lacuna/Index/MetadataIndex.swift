/// An index on a field of metadata, by which typed filters and filters in JSON find rows.
///
/// It is an index of SQLite on two expressions: the value, and the kind, so that the text of the metadata isn't read.
/// SQLite keeps it up to date whoever writes, also the `sqlite3` shell. A row without the field has no entry.
struct MetadataIndex {
    let name: String
    let path: FilterPath
    /// The expressions that it is on, over the columns of the table `metadata`.
    let value: String
    let kind: String
    /// The statement that makes it.
    let sql: String

    /// - Throws: `invalidArgument` for a key that SQLite's versions don't find alike.
    init(name: String, _ path: FilterPath) throws(VectorStoreError) {
        guard let literal = path.literal else {
            throw VectorStoreError(
                .invalidArgument,
                "the field `\(path.key)` can't have an index",
                remedy:
                    "a key with an index has only ASCII letters and digits and the characters \(FilterPath.plainSymbols)"
            )
        }
        self.name = name
        self.path = path
        value = "json_extract(json, \(literal))"
        kind = "json_type(json, \(literal))"
        sql = "CREATE INDEX \(Self.quoted(name)) ON metadata (\(value), \(kind)) WHERE \(value) IS NOT NULL"
    }

    /// The index of the schema, if it is one that we make.
    init?(_ index: ExtraIndex) {
        guard let value = index.value, value.count == 6, case .text(let literal) = value[4],
            let path = FilterPath(literal: literal), let own = try? MetadataIndex(name: index.name, path),
            own.sql == index.sql
        else { return nil }
        self = own
    }

    static func quoted(_ name: String) -> String { "\"\(name.replacing("\"", with: "\"\""))\"" }
}

/// An index of a store, which makes searches with a filter faster: ``VectorStore/indexes()``.
public struct IndexInfo: Sendable, Hashable {
    /// What an index is for.
    public enum Kind: String, Sendable {
        /// A field of the metadata, for filters that compare it.
        case metadata
        /// Texts in the metadata, in which searches look for words.
        case text
    }

    /// Its name in SQLite's schema.
    public var name: String
    /// What it is for.
    public var kind: Kind
    /// The fields that it is on, written as in a filter in JSON: `section`, `author.name`.
    public var fields: [String]
    /// The number of rows that have the field, with another value than null; of a text index, those that have a text in
    /// one of the fields.
    public var rows: Int

    /// Makes a description, as for a preview or a test.
    public init(name: String, kind: Kind, fields: [String], rows: Int = 0) {
        self.name = name
        self.kind = kind
        self.fields = fields
        self.rows = rows
    }
}

extension StoreIndex {
    /// The indexes on the table `metadata`, ours and other people's, that have entries for all values of their first
    /// term, and the numbers of the pages at which their b-trees begin.
    func indexesOfValues() throws(VectorStoreError) -> [(index: ExtraIndex, root: Int64)] {
        var indexes: [(index: ExtraIndex, root: Int64)] = []
        try connection.forEach(
            """
            SELECT name, sql, rootpage FROM sqlite_schema
            WHERE type = 'index' AND tbl_name = 'metadata' AND sql IS NOT NULL
            """
        ) { row throws(VectorStoreError) in
            let index = ExtraIndex(name: row.repairedText(0), table: "metadata", row.repairedText(1))
            if index.value != nil { indexes.append((index, row.integer(2))) }
        }
        return indexes
    }

    /// Our indexes on fields, in the order of their names.
    func metadataIndexes() throws(VectorStoreError) -> [MetadataIndex] {
        try indexesOfValues().compactMap { MetadataIndex($0.index) }.sorted { $0.name < $1.name }
    }

    func metadataIndex(on path: FilterPath) throws(VectorStoreError) -> MetadataIndex? {
        try metadataIndexes().first { $0.path == path }
    }

    func describe(_ index: MetadataIndex) throws(VectorStoreError) -> IndexInfo {
        let rows = try connection.first(
            """
            SELECT count(*) FROM metadata INDEXED BY \(MetadataIndex.quoted(index.name)) \
            WHERE json_extract(json, \(index.path.literal ?? "")) IS NOT NULL
            """
        ) { $0.integer(0) }
        return IndexInfo(name: index.name, kind: .metadata, fields: [index.path.key], rows: Int(rows ?? 0))
    }

    /// Makes an index on a field, in the caller's transaction. Takes O(metadata) time, and room for the index twice: in
    /// the log, and among the temporary files.
    func addMetadataIndex(on path: FilterPath) throws(VectorStoreError) -> MetadataIndex {
        let index = try MetadataIndex(name: try freeName("field_\(path.key)"), path)
        let schema = try IndexSchema(connection, version: Int64(version))
        try ExtraIndex.check(
            adding: ExtraIndex(name: index.name, table: "metadata", index.sql),
            to: schema.extraIndexes
        )
        try connection.execute(index.sql)
        try raiseSequence()
        return index
    }

    func drop(_ index: MetadataIndex) throws(VectorStoreError) {
        try connection.execute("DROP INDEX \(MetadataIndex.quoted(index.name))")
        try raiseSequence()
    }

    /// The names of the indexes on values whose entries aren't those of the metadata, or of some of them. Takes
    /// O(metadata) time if there is an index.
    func wrongIndexes() throws(VectorStoreError) -> [String] {
        let indexes = try indexesOfValues().map(\.index)
        // The check evaluates all indexes, and one that writing refuses may call anything.
        let others = try IndexSchema(connection, version: Int64(version)).extraIndexes
        if indexes.isEmpty || others.contains(where: { $0.flaw != nil }) { return [] }
        var messages: [String] = []
        try connection.forEach("PRAGMA integrity_check(metadata)") { row throws(VectorStoreError) in
            messages.append(try row.text(0))
        }
        return indexes.map(\.name).filter { name in messages.contains { $0.hasSuffix("index \(name)") } }
    }

    /// Makes an index's entries anew, in the caller's transaction.
    func rebuild(_ name: String) throws(VectorStoreError) {
        try connection.execute("REINDEX \(MetadataIndex.quoted(name))")
        try raiseSequence()
    }

    /// The name, or the name with a number: SQLite ignores the case of names, and other people's objects have any.
    private func freeName(_ name: String) throws(VectorStoreError) -> String {
        var number = 1
        while true {
            let candidate = number == 1 ? name : "\(name)_\(number)"
            let isTaken = try connection.first(
                "SELECT 1 FROM sqlite_schema WHERE name = ? COLLATE NOCASE",
                [.text(candidate)]
            ) { _ in true }
            if isTaken == nil { return candidate }
            number += 1
        }
    }
}
