import CLacunaSQLite
package import LacunaPlatform

/// Databases that other programs have made.
extension Connection {
    /// The most bytes of a value.
    private static let maximumValueBytes: Int32 = 256 << 20

    /// Call this first on a connection to such a database, which must be read-only. Its schema and its bytes may have
    /// been made to do harm: so its schema calls harmless functions only, no view is read, and no long value. Nothing is
    /// read before ``allowOnlyReading(_:)`` allows it.
    package func distrust() throws(VectorStoreError) {
        useTablesOnly()
        unsafe lacuna_sqlite3_db_config_flag(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0)
        for (limit, most) in [
            (SQLITE_LIMIT_LENGTH, Self.maximumValueBytes), (SQLITE_LIMIT_SQL_LENGTH, 1_000_000),
            (SQLITE_LIMIT_EXPR_DEPTH, 100), (SQLITE_LIMIT_VDBE_OP, 100_000), (SQLITE_LIMIT_ATTACHED, 0),
            (SQLITE_LIMIT_COMPOUND_SELECT, 1), (SQLITE_LIMIT_WORKER_THREADS, 0),
        ] { unsafe sqlite3_limit(handle, limit, most) }
        try execute("PRAGMA query_only = ON; PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0")
    }

    /// From now on a statement that does anything but read these tables fails when it is prepared, also when SQLite
    /// prepares it again.
    package func allowOnlyReading(_ tables: ReadableTables) {
        authorize { request in
            switch request.action {
            case SQLITE_SELECT: true
            case SQLITE_READ: request.first.map(tables.contains) ?? false
            case SQLITE_PRAGMA: request.first == "table_xinfo"
            default: false
            }
        }
    }
}

/// The tables that a connection may read. More may be added: another authorizer would make SQLite prepare all
/// statements again.
package final class ReadableTables {
    private var names: Set<String> = []

    package init() {}

    package func add(_ name: String) { names.insert(name.lowercased()) }

    func contains(_ name: String) -> Bool { names.contains(name.lowercased()) }
}

/// A value of any type.
package enum ColumnValue: Equatable, Sendable {
    case null
    case integer(Int64)
    case real(Double)
    /// The bytes of a text, which may not be UTF-8.
    case text([UInt8])
    case blob([UInt8])
}

extension Statement {
    package func columnValue(_ column: Int) -> ColumnValue {
        let number = Int32(column)
        switch unsafe sqlite3_column_type(handle, number) {
        case SQLITE_INTEGER: return .integer(integer(column))
        case SQLITE_FLOAT: return .real(unsafe sqlite3_column_double(handle, number))
        case SQLITE_TEXT: return .text(unsafe withText(column) { bytes in unsafe bytes.map { unsafe Array($0) } ?? [] })
        case SQLITE_BLOB: return .blob(unsafe withBlob(column) { bytes in unsafe Array(bytes) })
        default: return .null
        }
    }
}
