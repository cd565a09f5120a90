/// What a commit of ours says of the log that it is in: two columns of `store` (docs/format.md).
///
/// SQLite takes whatever lies beside a database under the log's name for its log. After a crash, a backup that is copied over
/// the store leaves the old log there, and its pages would be mixed with the backup's.
struct LogOrigin: Equatable, Sendable {
    /// The number of a commit that the database file alone has at least: of the last one before the log began.
    var base: Int64
    /// Random bits, drawn anew when the whole log was in the database, and synced; 0: none.
    var token: UInt32
}

extension StoreIndex {
    /// What the last commit says of its log; nil for schema version 1.
    func logOrigin() throws(VectorStoreError) -> LogOrigin? {
        if version < 2 { return nil }
        return try connection.first("SELECT log_base, log_token FROM store") { row throws(VectorStoreError) in
            guard let token = UInt32(exactly: row.integer(1)), row.integer(0) >= 0, row.integer(0) < .max else {
                throw .damaged("a field of the index's table `store` is out of range")
            }
            return LogOrigin(base: row.integer(0), token: token)
        }
    }
}
