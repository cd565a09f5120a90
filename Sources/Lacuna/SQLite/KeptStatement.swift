/// A statement that runs once a row: it stays prepared, and running it looks nothing up and allocates nothing.
final class KeptStatement {
    private let sql: String
    private var statement: Statement?

    init(_ sql: String) { self.sql = sql }

    /// Binds its values and runs it to its end; the number of rows that it inserted, updated or deleted. Always on the same
    /// connection.
    func run(
        on connection: Connection,
        _ bind: (Statement) throws(VectorStoreError) -> Void
    ) throws(VectorStoreError) -> Int {
        let statement = try prepared(connection)
        defer { statement.reset() }
        try bind(statement)
        while try statement.step() {}
        return connection.changedRows
    }

    /// Binds its values and reads its first row, if there is one.
    func first<R>(
        on connection: Connection,
        _ bind: (Statement) throws(VectorStoreError) -> Void,
        _ row: (Statement) throws(VectorStoreError) -> R
    ) throws(VectorStoreError) -> R? {
        let statement = try prepared(connection)
        defer { statement.reset() }
        try bind(statement)
        return try statement.step() ? try row(statement) : nil
    }

    private func prepared(_ connection: Connection) throws(VectorStoreError) -> Statement {
        if let statement { return statement }
        let prepared = try connection.prepare(sql)
        statement = prepared
        return prepared
    }
}
