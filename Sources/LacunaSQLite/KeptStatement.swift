public import LacunaPlatform

/// A statement that runs once per row. It stays prepared, so running it looks nothing up and allocates nothing.
@usableFromInline
package final class KeptStatement {
    private let sql: String
    private var statement: Statement?

    package init(_ sql: String) { self.sql = sql }

    /// Binds values and runs the statement to its end. Returns the number of rows that it inserted, updated or deleted.
    /// The connection must always be the same.
    @inlinable package func run(
        on connection: Connection,
        _ bind: (Statement) throws(VectorStoreError) -> Void
    ) throws(VectorStoreError) -> Int {
        let statement = try prepared(connection)
        defer { statement.reset() }
        try bind(statement)
        while try statement.step() {}
        return connection.changedRows
    }

    /// Binds values and calls `row` with the first row, if there is one.
    @inlinable package func first<R>(
        on connection: Connection,
        _ bind: (Statement) throws(VectorStoreError) -> Void,
        _ row: (Statement) throws(VectorStoreError) -> R
    ) throws(VectorStoreError) -> R? {
        let statement = try prepared(connection)
        defer { statement.reset() }
        try bind(statement)
        return try statement.step() ? try row(statement) : nil
    }

    @usableFromInline func prepared(_ connection: Connection) throws(VectorStoreError) -> Statement {
        if let statement {
            invariant(!statement.isBusy, "a kept statement doesn't run within itself")
            return statement
        }
        let prepared = try connection.prepare(sql)
        statement = prepared
        return prepared
    }
}
