import LacunaMigrations

/// Compares the schema of a database with the one that our migrations write, before anything else in it is used.
///
/// A prepared file may have an endlessly recursive view under a table's name, a table with computed columns, a trigger,
/// or an index that calls any function. So a table of ours is read only if its stored text equals a migration's text,
/// byte for byte; SQLite itself makes sure that the stored text belongs to the object. Views and triggers are switched
/// off. The tables of a text index must have the texts that FTS5 gives them. Other tables and their indexes are ignored:
/// only operations on the whole database meet them, which are `VACUUM` and `integrity_check`.
struct IndexSchema {
    /// The names of our tables that are as a migration made them.
    private(set) var tables: Set<String> = []
    /// The names of our tables and indexes that are different or missing, and of objects that only a prepared file has.
    private(set) var strange: [String] = []
    /// The names among them that are ordinary tables, not views or virtual tables.
    private var altered: [String] = []
    /// The indexes on our tables that aren't ours.
    private(set) var extraIndexes: [ExtraIndex] = []
    /// Whether there are tables that aren't ours.
    private(set) var hasOtherTables = false

    /// - Parameter version: The database's `user_version`, from the same state; nil if that may be wrong: then a table
    ///   may be that of any version.
    /// - Throws: `damaged` if the schema can't be read.
    init(_ connection: Connection, version: Int64?) throws(VectorStoreError) {
        let all = Self.own()
        let own = version.map { [all[Int($0) - 1]] } ?? all
        let names = Set(own.flatMap(\.keys))
        var missing = Set(own.last?.keys ?? [:].keys)
        var texts: [String: String] = [:]
        let knowsTexts = version.map { Int($0) >= Self.textVersion } ?? true
        // An index on the schema table itself, which only a prepared file has, isn't used.
        let row = try connection.prepareLoadingSchema("SELECT type, name, tbl_name, sql FROM sqlite_schema NOT INDEXED")
        while try row.step() {
            let type = row.repairedText(0)
            // SQLite's own indexes, of primary keys, have no text.
            if row.isNull(3) || ["view", "trigger"].contains(type) { continue }
            let name = row.repairedText(1)
            let sql = row.repairedText(3)
            // SQLite ignores the case of the type, too, but writes none of these in capitals.
            guard type == "table" || type == "index" else {
                strange.append(name)
                continue
            }
            if own.contains(where: { $0[name] == sql }) {
                missing.remove(name)
                if type == "table" { tables.insert(name) }
            } else if type == "table", knowsTexts, TextIndex.names.contains(name.lowercased()) {
                texts[name] = sql
            } else if names.contains(name) {
                if sql.hasPrefix("CREATE TABLE ") { altered.append(name) }
            } else {
                note(name, isTable: type == "table", on: row.repairedText(2), sql, names)
            }
        }
        strange += missing.sorted()
        noteStrange(texts)
    }

    /// A text index has all its tables, each with the text that we or FTS5 give it.
    private mutating func noteStrange(_ texts: [String: String]) {
        if texts.isEmpty { return }
        for name in TextIndex.names.union(texts.keys).sorted() {
            let isRight = texts[name].map { TextIndex.shadowTables[name] == $0 || TextIndex(sql: $0) != nil } ?? false
            if !isRight { strange.append(name) }
        }
    }

    private mutating func note(
        _ name: String,
        isTable: Bool,
        on table: String,
        _ sql: String,
        _ own: Set<String>
    ) {
        let table = table.lowercased()
        if table.hasPrefix("sqlite_") {
            if !isTable || !Self.internals.contains(sql) { strange.append(name) }
        } else if isTable {
            hasOtherTables = true
        } else if own.contains(table) || TextIndex.shadowTables[table] != nil {
            extraIndexes.append(ExtraIndex(name: name, table: table, sql))
        }
    }

    /// - Throws: `damaged` if a table of ours isn't as it should be.
    func check() throws(VectorStoreError) {
        if strange.isEmpty { return }
        let names = strange.map { "`\($0)`" }.joined(separator: ", ")
        throw .damaged("tables or other objects of Lacuna's in index.sqlite are missing or altered: \(names)")
    }

    /// SQLite's checks of pages that evaluate no unknown expression: a check of the whole database if everything in it
    /// is ours; otherwise checks of our tables, without the indexes of a table that has a refused one.
    var integrityChecks: [String] {
        let flawed = Set(extraIndexes.filter { $0.flaw != nil }.map(\.table))
        if strange.isEmpty && !hasOtherTables && flawed.isEmpty { return ["integrity_check"] }
        return tables.sorted().map { flawed.contains($0) ? "quick_check(\($0))" : "integrity_check(\($0))" }
    }

    /// Our tables that can be read without evaluating anything, even if their text is damaged: those without computed
    /// columns. CHECKs are evaluated only by writes.
    func readableTables(_ connection: Connection) -> Set<String> {
        let plain = altered.filter { name in
            var isPlain = true
            let read: Void? = try? connection.forEach("PRAGMA table_xinfo(\(name))") {
                isPlain = isPlain && $0.integer(6) == 0
            }
            return read != nil && isPlain
        }
        return tables.union(plain)
    }

    // MARK: The expected schema

    /// SQLite's own tables, for AUTOINCREMENT and ANALYZE.
    private static let internals = [
        "CREATE TABLE sqlite_sequence(name,seq)", "CREATE TABLE sqlite_stat1(tbl,idx,stat)",
        "CREATE TABLE sqlite_stat4(tbl,idx,neq,nlt,ndlt,sample)",
    ]

    /// The first version that may have a text index.
    static let textVersion = 5

    private struct Known: Sendable {
        let scripts: [[UInt8]]
        /// For each version, from 1 on: the stored text of each table and index.
        let texts: [[String: String]]
    }

    private static let known = Guarded<Known?>(nil)

    /// The texts in `sqlite_schema` after each migration, by name.
    private static func own() -> [[String: String]] {
        let scripts = Migrations.scripts
        return known.withLock { known in
            if let known, known.scripts == scripts { return known.texts }
            var texts: [[String: String]] = []
            for script in scripts { texts.append(own(after: script, texts.last ?? [:])) }
            known = Known(scripts: scripts, texts: texts)
            return texts
        }
    }

    /// The names of the tables and indexes that the newest schema has, and the one of a version hasn't.
    static func names(newSince version: Int) -> Set<String> {
        let texts = own()
        return Set(texts[texts.count - 1].keys).subtracting(texts[version - 1].keys)
    }

    /// SQLite stores a statement as it was written, from CREATE up to the semicolon, if it is spelt as below. So a
    /// migration makes a changed table anew, and never alters a column. Renaming a table changes only the name in the
    /// text, to a name in quotes, so such a script has the name in quotes too.
    private static func own(after script: [UInt8], _ before: [String: String]) -> [String: String] {
        var texts = before
        for statement in SQLToken.statements(of: script) {
            for make in ["CREATE TABLE ", "CREATE INDEX ", "CREATE UNIQUE INDEX "] where statement.hasPrefix(make) {
                let name = statement.dropFirst(make.count).prefix { !" (".contains($0) }
                // The name is in quotes if the table was made under another name, and renamed.
                texts[String(name.filter { $0 != "\"" })] = statement
            }
            for drop in ["DROP TABLE ", "DROP INDEX "] where statement.hasPrefix(drop) {
                texts[String(statement.dropFirst(drop.count))] = nil
            }
        }
        return texts
    }
}
