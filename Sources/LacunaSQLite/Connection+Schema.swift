import CLacunaSQLite
package import LacunaPlatform

/// Reads a schema that was not checked yet.
extension Connection {
    /// Prepares a connection's first statement that needs the schema. SQLite then loads the whole schema, and also the
    /// counts of ANALYZE, with a query that it asks no authorizer about. A hostile `sqlite_stat1` may have computed
    /// columns that take for ever to compile or to evaluate, and a hostile schema may fill the memory. Here both end
    /// soon. Without the counts SQLite goes on.
    ///
    /// - Throws: `damaged` if the schema is too long, or if such a query is longer than any of SQLite's own; `busy` if
    ///   loading took too long.
    package func prepareLoadingSchema(_ sql: String) throws(VectorStoreError) -> Statement {
        let deadline = ContinuousClock.now + Self.longestLoading
        var isLate = false
        var questions = 0
        let result = limited([
            (SQLITE_LIMIT_LENGTH, Self.longestText), (SQLITE_LIMIT_SQL_LENGTH, Self.longestText),
            (SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1), (SQLITE_LIMIT_VDBE_OP, Self.longestProgram),
        ]) {
            cancellable(by: {
                questions += 1
                isLate = ContinuousClock.now > deadline
                return isLate || questions > Self.mostQuestions
                    || questions % Self.questionsAWalk == 0 && self.schemaBytes > Self.mostSchemaBytes
            }) {
                asking(every: Self.stepsWhileLoading) { Result { () throws(VectorStoreError) in try prepare(sql) } }
            }
        }
        do { return try result.get() } catch {
            switch (error.cause as? SQLiteError)?.primaryCode {
            case SQLITE_INTERRUPT where isLate:
                throw VectorStoreError(.busy, "SQLite took too long to load the schema of index.sqlite")
            case SQLITE_NOMEM, SQLITE_INTERRUPT, SQLITE_TOOBIG:
                throw .damaged(
                    "the schema of index.sqlite is too long for a store's, or memory ran out",
                    cause: error
                )
            default: throw error
            }
        }
    }

    /// The memory of SQLite's form of the schema. SQLite walks through all of it to find out.
    private var schemaBytes: Int32 {
        var (bytes, most) = (Int32(0), Int32(0))
        unsafe sqlite3_db_status(handle, SQLITE_DBSTATUS_SCHEMA_USED, &bytes, &most, 0)
        return bytes
    }

    /// The limit for one table, index or view, and for every computed text, because a function's time may grow with the
    /// product of two texts' lengths.
    private static let longestText: Int32 = 16 << 10
    private static let mostSchemaBytes: Int32 = 16 << 20
    /// SQLite's own queries have some sixty steps at most.
    private static let longestProgram: Int32 = 200
    /// This is the work for some ten rows of the schema.
    private static let stepsWhileLoading: Int32 = 100
    private static let questionsAWalk = 4
    private static let mostQuestions = 200
    /// It is task-local, so a test can use a shorter time.
    @TaskLocal package static var longestLoading = Duration.seconds(10)
}
