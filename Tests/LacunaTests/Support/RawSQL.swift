import Lacuna
import TestSupport

/// A connection to a store's index that knows nothing of the store, like the stock shell's.
func rawConnection(_ index: String) throws -> Connection {
    let connection = try Connection(index, .readWrite)
    connection.checkpointsOnClose(true)
    return connection
}

/// Runs statements on an index without its store, with CHECK constraints switched off.
func tamper(_ index: String, _ statements: String...) throws {
    let connection = try rawConnection(index)
    try connection.run("PRAGMA ignore_check_constraints = ON")
    for statement in statements { try connection.run(statement) }
}

extension Connection {
    /// All rows of a query, each with `columns` columns.
    func rows(_ columns: Int, _ sql: String) throws -> [[SQLValue]] {
        var rows: [[SQLValue]] = []
        try forEach(sql) { statement throws(VectorStoreError) in
            var row: [SQLValue] = []
            for column in 0..<columns { row.append(try statement.value(column)) }
            rows.append(row)
        }
        return rows
    }

    /// The first column of the first row; null if there is no row.
    func value(_ sql: String) throws -> SQLValue {
        try rows(1, sql).first?.first ?? .null
    }
}
