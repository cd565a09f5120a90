import CLacunaSQLite
package import LacunaPlatform

/// Tables whose rows are the entries of an index: SQLite calls them imposter tables.
///
/// The b-tree of an index has the form of a table WITHOUT ROWID whose primary key is all of its columns. Such a table is
/// in the memory of this connection alone. SQLite forgets it with its form of the schema, for example when another
/// connection has changed the schema.
extension Connection {
    /// Makes a table of the entries of the index whose b-tree begins at the page `root`. The caller must have read the
    /// page's number from the schema in the transaction that is under way, so that SQLite's form of the schema is of the
    /// same state.
    ///
    /// - Parameter columns: The names of the index's columns, with those of the table's primary key at the end.
    /// - Throws: If the connection can write, because a version of SQLite that can't do this would make a table of that
    ///   name in the database; if SQLite can't do it; or if the name is taken.
    package func makeIndexTable(_ name: String, columns: String, root: Int32) throws(VectorStoreError) {
        guard unsafe sqlite3_db_readonly(handle, "main") == 1 else {
            throw VectorStoreError(.unsupported, "only a connection for reading reads an index as a table")
        }
        unsafe lacuna_sqlite3_imposter(handle, 1, root)
        defer { unsafe lacuna_sqlite3_imposter(handle, 0, 0) }
        try execute("CREATE TABLE \(name) (\(columns), PRIMARY KEY (\(columns))) WITHOUT ROWID")
    }

    /// Forgets all such tables, with SQLite's form of the schema, which it reads again when it is needed.
    package func forgetIndexTables() {
        unsafe lacuna_sqlite3_imposter(handle, 0, 1)
        unsafe lacuna_sqlite3_imposter(handle, 0, 0)
    }
}
